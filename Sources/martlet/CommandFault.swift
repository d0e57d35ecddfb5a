import Accounts

/// Why a command did not do what it was told.
enum CommandFault: Error {
    case arguments(ArgumentsFault)
    /// A command line that is wrong in a way that ``Arguments`` cannot see.
    case usage(String)
    case accounts(AccountsFault)
    /// Anything else that the person at the keyboard can put right.
    case refused(String)
    /// A signal came while a question was on the terminal; the number is the signal's.
    case interrupted(Int32)
}

/// What a command leaves to its shell.
enum ExitCode {
    static let ok: Int32 = 0
    static let failed: Int32 = 1
    /// A command line or a file that is wrong in itself.
    static let usage: Int32 = 2
}

/// Runs a command's body and turns what it throws into words and an exit code.
enum Command {
    /// - Parameter name: as typed, `user add`.
    static func run(_ name: String, usage: String, _ body: () throws(CommandFault) -> Void) -> Int32 {
        do throws(CommandFault) {
            try body()
            return ExitCode.ok
        } catch {
            return report(error, name, usage: usage)
        }
    }

    private static func report(_ fault: CommandFault, _ name: String, usage: String) -> Int32 {
        switch fault {
        case .arguments(.helpWanted):
            Terminal.write(usage + "\n")
            return ExitCode.ok
        case .arguments(let fault):
            Terminal.complain("martlet \(name): \(fault)\nmartlet \(name) --help shows what it takes")
            return ExitCode.usage
        case .usage(let reason):
            Terminal.complain("martlet \(name): \(reason)")
            return ExitCode.usage
        case .accounts(let fault):
            Terminal.complain("martlet \(name): \(fault)")
            return isBadFile(fault) ? ExitCode.usage : ExitCode.failed
        case .refused(let reason):
            Terminal.complain("martlet \(name): \(reason)")
            return ExitCode.failed
        case .interrupted(let signal):
            return 128 &+ signal
        }
    }

    /// For `martlet user` without one of its verbs, or with a wrong one.
    static func refuseVerb(_ name: String, _ verb: String?, usage: String) -> Int32 {
        switch verb {
        case "--help", "-h":
            Terminal.write(usage + "\n")
            return ExitCode.ok
        case nil:
            Terminal.complain(usage)
        case let verb?:
            Terminal.complain("martlet \(name): there is no \(verb)\nmartlet \(name) --help shows what there is")
        }
        return ExitCode.usage
    }

    private static func isBadFile(_ fault: AccountsFault) -> Bool {
        switch fault {
        case .malformed, .tooLarge, .invalid: true
        case .system, .locked, .exists, .missing, .hashing: false
        }
    }
}

extension Arguments {
    /// As `init`, in a command's own error type.
    static func parse(
        _ words: [String], options: [Option], operands: [String] = []
    ) throws(CommandFault) -> Arguments {
        do throws(ArgumentsFault) {
            return try Arguments(words, options: options, operands: operands)
        } catch {
            throw .arguments(error)
        }
    }
}
