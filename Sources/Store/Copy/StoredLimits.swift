import Encoding
import Journal
import Platform
import Revocation

/// What earlier processes of this node recorded about the lifetimes of sessions: a file next to the copy, because no
/// process has records of its own in the engine.
enum StoredLimits {
    private static let name = "engine.limits"

    /// Returns nil if there is none. Of a damaged one, nothing is known.
    static func read(_ storage: any JournalStorage) throws(JournalError) -> LifetimeNote? {
        guard try storage.names().contains(name) else { return nil }
        let bytes = try storage.read(name, at: 0, count: 4_096)
        guard let record = try? JournalRecord(portable: bytes.span),
            case .processStarted(let note) = RevocationCodec.event(record)
        else { return LifetimeNote() }
        return note
    }

    static func write(_ note: LifetimeNote, to storage: any JournalStorage) throws(JournalError) {
        let record = JournalRecord(.open, key: UUID(high: 0, low: 0), expires: note.olderEnd, reason: note.hours)
        var bytes: [UInt8] = []
        record.writePortable(seq: 0, time: 0, to: &bytes)
        try storage.create(name, content: bytes).close()
    }
}
