extension Setting {
    package static let state = Setting("MARTLET_STATE", .path, default: "var", "directory of the journal")
    package static let seen = Setting(
        "MARTLET_SEEN", .text,
        "file of the journal's high-water mark; empty for STATE.seen, or state.seen in the directory of the keys")
    package static let lockWait = Setting(
        "MARTLET_LOCK_WAIT", .time(0...600), default: "10s",
        "how long a start waits for the journal of a process that is about to end")
}

/// Where the journal is, and how long to wait for it.
package struct JournalSettings: Sendable {
    static let settings: [Setting] = [.state, .seen, .lockWait]

    package let statePath: String
    /// The file of the high-water mark; nil for the default places.
    package let seenPath: String?
    /// Seconds.
    package let lockWait: Int64

    init(_ reader: inout SettingsReader) {
        statePath = reader.path(.state)
        seenPath = Self.seenPath(&reader)
        lockWait = Self.lockWait(&reader)
    }

    /// Reads how many seconds to wait for another process.
    package static func lockWait(_ reader: inout SettingsReader) -> Int64 { reader.seconds(.lockWait) }

    private static func seenPath(_ reader: inout SettingsReader) -> String? {
        let path = reader.text(.seen)
        guard !path.isEmpty else { return nil }
        if path.hasSuffix("/") || path.utf8.contains(0) { reader.complain(.seen, "the path of a file") }
        return path
    }
}
