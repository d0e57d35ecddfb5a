internal import Journal
internal import Platform
internal import Revocation
internal import Store

/// A part of the log with what says whether it is complete.
struct LogPage {
    struct Epoch: Equatable {
        let number: UInt32
        /// The number of the first record, even if there is none yet.
        let first: UInt64
        /// The number of the last record; nil in the current epoch.
        let last: UInt64?
    }

    struct Row {
        let epoch: UInt32
        let seq: UInt64
        let time: UnixMilliseconds
        let bytes: [UInt8]
    }

    /// Nil if no epoch has begun.
    private(set) var head: EngineHead?
    /// In order.
    private(set) var epochs: [Epoch] = []
    private(set) var rows: [Row] = []

    init(head: EngineHead?, epochs: [Epoch], rows: [Row]) {
        self.head = head
        self.epochs = epochs
        self.rows = rows
    }

    /// Reads rows of kind, epoch, number, time and bytes.
    init(_ answer: PostgresResult) throws(PostgresError) {
        rows.reserveCapacity(answer.rowCount)
        for row in 0..<answer.rowCount {
            let kind: Int32 = try answer.number(row, 0)
            let wide: Int64 = try answer.number(row, 1)
            guard let epoch = UInt32(exactly: wide) else { throw .malformed("an epoch is \(wide)") }
            let seq = try answer.unsigned(row, 2)
            switch kind {
            case 0 where epoch == 0: continue
            case 0:
                let text = try answer.bytes(row, 4, countMax: 1_000)
                head = EngineHead(
                    position: LedgerPosition(epoch: epoch, seq: seq), time: try answer.time(row, 3),
                    identity: String(decoding: text, as: UTF8.self))
            case 1:
                let last: Int64 = try answer.number(row, 3)
                epochs.append(Epoch(number: epoch, first: seq, last: UInt64(exactly: last)))
            case 2:
                rows.append(
                    Row(
                        epoch: epoch, seq: seq, time: try answer.time(row, 3),
                        bytes: try answer.bytes(row, 4, countMax: JournalRecord.byteCount)))
            default: throw .malformed("a row of the kind \(kind)")
            }
        }
        epochs.sort { $0.number < $1.number }
    }

    /// Returns the records after a position, which must be in the history and follow it without a gap.
    func batch(after position: LedgerPosition) throws(StoreFault) -> TailBatch {
        guard let head else { throw .epoch(nil) }
        guard let epoch = epochs.first(where: { $0.number == position.epoch }),
            position.seq &+ 1 >= epoch.first, position.seq <= epoch.last ?? head.position.seq
        else { throw .epoch(head) }
        var batch = TailBatch(records: [], head: head)
        batch.records.reserveCapacity(rows.count)
        var before = position.seq
        for row in rows {
            guard row.seq == next(after: before) else {
                // The log was trimmed, or a record in its middle is missing.
                if before == position.seq, row.seq > before { throw .gone }
                throw .damaged(reason: "record \(row.seq) follows record \(before) in the log")
            }
            guard self.epoch(of: row.seq) == row.epoch else {
                throw .damaged(reason: "record \(row.seq) is said to be of epoch \(row.epoch)")
            }
            let record: JournalRecord
            do {
                record = try JournalRecord(portable: row.bytes.span)
            } catch {
                throw .damaged(reason: "record \(row.seq) is damaged (\(error))")
            }
            if record.seq != 0 { batch.told[batch.records.count] = record.seq }
            batch.records.append(record.placed(seq: row.seq, time: record.seq != 0 ? record.time : row.time))
            before = row.seq
        }
        guard !rows.isEmpty || before == head.position.seq || next(after: before) > head.position.seq else {
            throw .gone
        }
        return batch
    }

    /// The number of the record that comes after `seq`.
    private func next(after seq: UInt64) -> UInt64 {
        guard let index = epochs.lastIndex(where: { $0.first <= seq &+ 1 }), let last = epochs[index].last, seq >= last
        else { return seq &+ 1 }
        // Epochs without a record are passed over.
        let later = epochs[(index + 1)...].first { epoch in epoch.last ?? .max >= epoch.first }
        return later?.first ?? seq &+ 1
    }

    private func epoch(of seq: UInt64) -> UInt32? { epochs.last { $0.first <= seq }?.number }
}
