import Journal
import Revocation

/// What the ledger must know of a record.
enum StoreRecord {
    /// Whether it belongs to the one before it.
    static func continues(_ record: JournalRecord) -> Bool { RevocationCodec.continues(record) }

    /// Returns records in parts that may be recorded one by one, at most about `countMax` each.
    static func parts(_ records: [JournalRecord], of countMax: Int) -> [[JournalRecord]] {
        var parts: [[JournalRecord]] = []
        var part: [JournalRecord] = []
        for record in records {
            if part.count >= countMax, !continues(record) {
                parts.append(part)
                part = []
            }
            part.append(record)
        }
        return part.isEmpty ? parts : parts + [part]
    }

    /// Returns why records of an engine must not be applied, or nil.
    static func fault(_ record: JournalRecord) -> StoreFault? {
        guard RevocationCodec.isShared(record) else {
            return .damaged(
                reason: "record \(record.seq) is of kind \(record.kind.rawValue), which this version does not know")
        }
        return nil
    }
}
