import Encoding
import Journal
import Platform
import Revocation

extension StoreMirror {
    /// Returns the records above a number that the engine may lack, as far as they are still needed, and all
    /// revoke-before times: those are few, and may have an earlier number than the one under which they were told again.
    ///
    /// Of a session only the last rotation: an older one would look like a fork of itself.
    func records(above seqMin: UInt64) throws(JournalError) -> [JournalRecord] {
        try settle()
        var rotations: [UUID: JournalRecord] = [:]
        var others: [JournalRecord] = []
        try copy.read(upTo: copy.durableSeq) { _ in
        } batch: { records in
            for record in records where record.seq > seqMin || record.kind == .cut {
                switch record.kind {
                case .rotate:
                    let before = rotations[record.key]
                    if before.map({ Self.replaces(record, $0) }) ?? true { rotations[record.key] = record }
                case .epoch, .session, .open, .seal: break
                default: others.append(record)
                }
            }
        }
        return others + rotations.values.sorted { $0.seq < $1.seq }
    }

    private static func replaces(_ record: JournalRecord, _ other: JournalRecord) -> Bool {
        let (new, old) = (UInt32(truncatingIfNeeded: record.value), UInt32(truncatingIfNeeded: other.value))
        return new > old || new == old && record.seq > other.seq
    }
}
