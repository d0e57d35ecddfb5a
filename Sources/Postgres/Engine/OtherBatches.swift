internal import Encoding
internal import Journal
internal import Platform
internal import Revocation
internal import Store

/// Reads and writes of data for one call of the function `data`.
struct DataBatch {
    /// What a session's data may have; larger answers are malformed.
    static let byteCountMax = 65_536

    private struct Item {
        let step: Int32
        let sid: UUID
        let write: SessionDataWrite?
    }

    private var items: [Item] = []
    private(set) var marks = StepMarks()

    var isEmpty: Bool { items.isEmpty }
    var count: Int { items.count }
    var steps: [Int] { items.map { Int($0.step) } }

    mutating func read(_ sid: UUID, step: Int) {
        items.append(Item(step: Int32(clamping: step), sid: sid, write: nil))
        marks.formUnion(StepMarks(reading: sid))
    }

    mutating func write(_ write: SessionDataWrite, step: Int) {
        items.append(Item(step: Int32(clamping: step), sid: write.sid, write: write))
        marks.formUnion(StepMarks(writing: write.sid, write.guardian))
    }

    func isWrite(_ step: Int) -> Bool { items.first { Int($0.step) == step }?.write != nil }

    func values(epoch: UInt32) -> BinaryValues {
        let none = UUID(high: 0, low: 0)
        var values = BinaryValues()
        values.add(Int64(epoch))
        values.add(items.map(\.step))
        values.add(items.map { $0.write != nil })
        values.add(items.map(\.sid))
        values.add(items.map { Int64(clamping: $0.write?.expected ?? 0) as Int64? })
        values.add(items.map { $0.write?.content })
        values.add(items.map { ($0.write?.sessionEnd ?? 0).count as Int64? })
        values.add(items.map { $0.write?.guardian.birth.map { Int64(clamping: $0) } })
        // A read has no guard: nothing began after the greatest id.
        values.add(items.map { CommitRecords.ordered($0.write?.guardian.idHigh ?? .max) as Int64? })
        values.add(items.map { $0.write?.guardian.all ?? none })
        values.add(items.map { $0.write?.guardian.client ?? none })
        values.add(items.map { $0.write?.guardian.subject ?? none })
        return values
    }
}

/// Records of an earlier epoch for one call of the function `tell`.
struct TellBatch {
    private var records: [(record: CommitRecord, seq: UInt64, time: UnixMilliseconds, extra: [UInt8]?)] = []

    /// Divides the records into batches that leave no entry incomplete. Records that say nothing about a session, a token
    /// or a revoke-before time are left out.
    ///
    /// - Returns: nil if a record is such as no engine may have.
    static func batches(_ list: [JournalRecord]) -> [TellBatch]? {
        var batches = [TellBatch()]
        var last = 0
        for (index, record) in list.enumerated() {
            switch record.kind {
            case .session, .epoch, .open, .seal: continue
            default: break
            }
            guard let made = CommitRecords.record(record, keepsPlace: true) else { return nil }
            let beginsEntry = record.kind == .sessionEntry && record.flags & 15 == 0
            let continuesEntry = record.kind == .sessionEntry && !beginsEntry
            if batches[last].records.count >= CommitBatch.recordCountMax, !continuesEntry {
                batches.append(TellBatch())
                last += 1
            }
            var extra: [UInt8]?
            if record.kind == .rotate { extra = fork(record) }
            if beginsEntry {
                guard let entry = CommitRecords.entry(list, at: index) else { return nil }
                extra = entry
            }
            batches[last].records.append((made, record.seq, record.time, extra))
        }
        return batches
    }

    /// The record that ends the session of a rotation whose generation another one has too.
    private static func fork(_ record: JournalRecord) -> [UInt8] {
        CommitRecords.bytes(
            JournalRecord(
                .revokeSession, key: record.key, expires: record.expires, reason: CommitRecords.forkReason))
    }

    func values(epoch: UInt32) -> BinaryValues {
        var values = BinaryValues()
        values.add(Int64(epoch))
        values.add(records.map(\.record.kind))
        values.add(records.map(\.record.key))
        values.add(records.map { $0.record.variant as Int64? })
        values.add(records.map(\.record.flags))
        values.add(records.map(\.record.reason))
        values.add(records.map { $0.record.expires.count as Int64? })
        values.add(records.map { $0.record.value as Int64? })
        values.add(records.map { Int64(clamping: $0.seq) as Int64? })
        values.add(records.map { $0.time.count as Int64? })
        values.add(records.map { $0.record.bytes as [UInt8]? })
        values.add(records.map(\.extra))
        return values
    }
}
