internal import App
internal import Glibc
internal import Journal
import Platform
internal import Revocation

/// Implements `martlet journal stat | verify | dump | compact | repair | accept`. The first three examine a state
/// directory, also that of a running server, and change nothing.
enum JournalCommand {
    static let usage = """
        usage: martlet journal COMMAND [--state DIR]

          stat     show what the journal contains
          verify   list every damaged place with its file and offset
          dump     print every record as a line of JSON, oldest first
          compact  rewrite the journal without expired and superseded records
          repair   remove what a crash left unacknowledged, and keep a copy of it
          accept   allow a server to start with a directory that was restored from a copy; revokes everything from
                   before now, unless --keep-sessions is given

        DIR is \(Setting.state.fallback). stat, verify and dump change nothing and also read the directory of a running
        server; for compact, repair and accept, the server must be stopped. All but accept show their progress if
        standard error is a terminal; dump does so only if its output goes to a file or a pipe.

        repair does not change a journal whose acknowledged records are damaged: restore a copy instead. Without a copy,

          repair --accept-loss

        continues with every intact record. Acknowledged revocations and rotations may be lost: revoked tokens may be
        valid again until they expire, and it is not known which. The original files are kept in a directory
        damaged-... next to the new ones.

        accept and repair --accept-loss also begin a new epoch of the positions in Revocation-Seq, above the high-water
        mark: STATE.seen, or the one in --keys DIR (\(Setting.keys.fallback)), or --seen FILE (MARTLET_SEEN). accept
        then removes the mark.

        compact, repair and accept wait up to \(Setting.lockWait) (\(Setting.lockWait.defaultText)) for a server that is about to stop.

        Exit code: 0 intact, or done; 1 damage was found, or repair refused; 2 error in the command line, or the
        directory cannot be read or contains no journal; 75 the directory is in use, or its volume is missing, read-only
        or full: try again later.

        """

    /// Runs the command.
    ///
    /// - Parameter arguments: the arguments after `journal` on the command line.
    static func run(_ arguments: [String]) -> Int32 {
        guard let command = arguments.first, command != "--help", command != "-h" else {
            return Verb.refuse("journal", arguments.first, usage: usage)
        }
        let options: [Arguments.Option] = [.value("--state")] + (extraOptions[command] ?? [])
        var status = ExitCode.ok
        let ended = Verb.run("journal \(command)", usage: usage) { () throws(CommandError) in
            guard commands.contains(command) else {
                throw .usage("unknown command; run martlet journal --help for a list")
            }
            let words = try Arguments.parse(Array(arguments.dropFirst()), options: options)
            let directory = words.text(.state)
            let patience = try patience()
            try checkPresence(command, directory, words)
            status = run(command, directory, words, patience: patience)
        }
        return ended == ExitCode.ok ? status : ended
    }

    private static let commands = ["stat", "verify", "dump", "compact", "repair", "accept"]
    private static let extraOptions: [String: [Arguments.Option]] = [
        "repair": [.flag("--accept-loss"), .value("--keys"), .value("--seen")],
        "accept": [.flag("--keep-sessions"), .value("--keys"), .value("--seen")],
    ]

    /// Returns how many seconds to wait for a server that is about to end.
    private static func patience() throws(CommandError) -> Int64 {
        do throws(ConfigurationError) {
            return try SettingsReader.read(Environment.values, JournalSettings.lockWait)
        } catch {
            throw CommandError(error)
        }
    }

    private static func run(_ command: String, _ directory: String, _ words: Arguments, patience: Int64) -> Int32 {
        do throws(JournalError) {
            switch command {
            case "stat":
                return JournalListing.stat(try JournalListing.inspect(directory), directory)
            case "verify": return JournalListing.verify(try JournalListing.inspect(directory))
            case "dump": return try JournalDump.run(directory)
            case "compact":
                try wait(directory, patience)
                return try JournalCompaction.run(directory)
            case "accept":
                try wait(directory, patience)
                return try JournalAcceptance.run(
                    directory, seen(directory, words), keepsSessions: words.has("--keep-sessions"))
            default:
                try wait(directory, patience)
                return try JournalRepairing.run(
                    directory, seen(directory, words), acceptsLoss: words.has("--accept-loss"))
            }
        } catch {
            Terminal.writeError("martlet: \(error)\n")
            return error.mayPass ? ExitCode.unavailable : ExitCode.usage
        }
    }

    /// A directory without a journal is an error: an empty result must not look like an intact journal, and nothing is
    /// made there. Only accept continues, if a journal was seen there before.
    private static func checkPresence(
        _ command: String, _ directory: String, _ words: Arguments
    ) throws(CommandError) {
        // The command itself reports what cannot be read.
        guard let names = try? DirectorySnapshot(path: directory).names(), names.isEmpty else { return }
        if command == "accept", seen(directory, words).paths.contains(where: { unsafe access($0, F_OK) == 0 }) {
            return
        }
        throw .usage(
            "\(Directory.absolute(directory)) contains no journal. Name the journal's directory with --state or "
                + "MARTLET_STATE, or run the command in the directory of the service")
    }

    private static func seen(_ directory: String, _ words: Arguments) -> RollbackGuard {
        RollbackGuard(
            state: directory, keys: words.text(.keys), setting: words.text(.seen))
    }

    /// Waits for a server that is about to stop.
    private static func wait(_ directory: String, _ seconds: Int64) throws(JournalError) {
        // Otherwise a mistyped path would create a directory.
        guard unsafe access(directory, F_OK) == 0 else { return }
        try StateLock.wait(directory, seconds: seconds)
    }
}
