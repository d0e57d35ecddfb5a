import Accounts
import App
import Platform

/// Why a command did not do what it was told.
enum CommandError: Error {
    case arguments(ArgumentsError)
    /// A command line that is wrong in a way that ``Arguments`` cannot see.
    case usage(String)
    case accounts(AccountsError)
    /// Anything else that the person at the keyboard can put right.
    case refused(String)
    /// What may work later although nobody changes anything.
    case unavailable(String)
    /// A signal came while a question was on the terminal; the number is the signal's.
    case interrupted(Int32)
}

extension CommandError {
    init(_ fault: KeyDirectoryError) {
        self = fault.mayPass ? .unavailable(fault.description) : .refused(fault.description)
    }
}

/// What a command leaves to its shell.
enum ExitCode {
    static let ok: Int32 = 0
    static let failed: Int32 = 1
    /// A command line or a file that is wrong in itself.
    static let usage: Int32 = 2
    /// EX_TEMPFAIL of sysexits.h: a circumstance that may pass, such as a full disk. The same command may work later.
    static let unavailable: Int32 = 75
}

/// One verb of a command, such as `user add`: runs its body, and turns what it throws into words and an exit code.
enum Verb {
    /// - Parameter name: as typed, `user add`.
    static func run(_ name: String, usage: String, _ body: () throws(CommandError) -> Void) -> Int32 {
        do throws(CommandError) {
            try body()
            return ExitCode.ok
        } catch {
            return report(error, name, usage: usage)
        }
    }

    private static func report(_ fault: CommandError, _ name: String, usage: String) -> Int32 {
        switch fault {
        case .arguments(.helpWanted):
            Terminal.write(usage)
            return ExitCode.ok
        case .arguments(let fault):
            say(name, "\(fault)")
            Terminal.writeError("martlet \(name) --help shows what it takes\n")
            return ExitCode.usage
        case .usage(let reason):
            say(name, reason)
            return ExitCode.usage
        case .accounts(let fault):
            say(name, "\(fault)")
            return isBadFile(fault) ? ExitCode.usage : fault.mayPass ? ExitCode.unavailable : ExitCode.failed
        case .unavailable(let reason):
            say(name, reason)
            return ExitCode.unavailable
        case .refused(let reason):
            say(name, reason)
            return ExitCode.failed
        case .interrupted(let signal):
            return 128 &+ signal
        }
    }

    /// Messages name files, keys and words of the command line, whose bytes must not act on a terminal or in a build log.
    private static func say(_ name: String, _ message: String) {
        let lines = message.split(separator: "\n", omittingEmptySubsequences: false).map { Printable.text(String($0)) }
        Terminal.writeError("martlet \(name): \(lines.joined(separator: "\n"))\n")
    }

    /// For `martlet user` without one of its verbs, or with a wrong one.
    static func refuse(_ name: String, _ verb: String?, usage: String) -> Int32 {
        switch verb {
        case "--help", "-h":
            Terminal.write(usage)
            return ExitCode.ok
        case nil:
            Terminal.writeError(usage)
        case let verb?:
            Terminal.writeError(
                "martlet \(name): there is no \(Printable.short(verb))\nmartlet \(name) --help shows what there is\n")
        }
        return ExitCode.usage
    }

    private static func isBadFile(_ fault: AccountsError) -> Bool {
        switch fault {
        case .malformed, .file(.tooLarge), .tooManyValues, .invalid: true
        case .file, .thread, .exists, .missing, .hashing: false
        }
    }
}

extension Arguments {
    /// As `init`, in a command's own error type.
    static func parse(
        _ words: [String], options: [Option], operands: [String] = [], optionalCount: Int = 0
    ) throws(CommandError) -> Arguments {
        do throws(ArgumentsError) {
            return try Arguments(words, options: options, operands: operands, optionalCount: optionalCount)
        } catch {
            throw .arguments(error)
        }
    }
}
