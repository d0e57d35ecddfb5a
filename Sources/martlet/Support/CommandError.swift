import Accounts
import App
import Keys
import Platform

/// Why a command failed.
enum CommandError: Error {
    case arguments(ArgumentsError)
    /// An error in the command line that ``Arguments`` cannot detect.
    case usage(String)
    case accounts(AccountsError)
    /// Any other error that the operator can correct.
    case refused(String)
    /// A temporary failure.
    case unavailable(String)
    /// A signal arrived during a prompt; the value is its number.
    case interrupted(Int32)
}

extension CommandError {
    init(_ fault: KeyDirectoryError) {
        self = fault.mayPass ? .unavailable(fault.description) : .refused(fault.description)
    }
}

/// The exit codes of commands.
enum ExitCode {
    static let ok: Int32 = 0
    static let failed: Int32 = 1
    /// An error in the command line or in a file.
    static let usage: Int32 = 2
    /// EX_TEMPFAIL of sysexits.h: a temporary condition such as a full disk. The same command may succeed later.
    static let unavailable: Int32 = 75
}

/// One subcommand such as `user add`: runs its body, and converts errors to a message and an exit code.
enum Verb {
    /// Runs a subcommand and returns its exit code.
    ///
    /// - Parameter name: the subcommand as typed, such as `user add`.
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
            Terminal.writeError("run martlet \(name) --help for usage\n")
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

    /// Prints a message. It can contain file names, key ids and words of the command line, whose bytes must not control
    /// a terminal or a build log.
    private static func say(_ name: String, _ message: String) {
        let lines = message.split(separator: "\n", omittingEmptySubsequences: false).map { Printable.text(String($0)) }
        Terminal.writeError("martlet \(name): \(lines.joined(separator: "\n"))\n")
    }

    /// Reports a missing or unknown subcommand, such as in `martlet user`.
    static func refuse(_ name: String, _ verb: String?, usage: String) -> Int32 {
        switch verb {
        case "--help", "-h":
            Terminal.write(usage)
            return ExitCode.ok
        case nil:
            Terminal.writeError(usage)
        case let verb?:
            Terminal.writeError(
                "martlet \(name): unknown command \(Printable.short(verb))\nrun martlet \(name) --help for a list\n")
        }
        return ExitCode.usage
    }

    private static func isBadFile(_ fault: AccountsError) -> Bool {
        switch fault {
        case .malformed, .file(.tooLarge), .tooManyValues, .breachedList, .invalid: true
        case .file, .thread, .exists, .missing, .hashing: false
        }
    }
}

extension Arguments {
    /// Calls `init` and converts its error.
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
