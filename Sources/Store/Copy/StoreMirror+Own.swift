import Journal
import Platform
import Revocation
import Synchronization

extension StoreMirror {
    /// Takes records of this node that the engine has just made durable.
    ///
    /// If the copy must be durable first, the thread that follows the log does the rest.
    func offer(_ offered: OwnRecords) {
        guard !mayForget else { return own.end(offered) }
        own.end(nil)
        state.withLock { addOwn([offered], &$0) }
    }

    /// Applies the records that the other thread has offered.
    ///
    /// - Returns: nil if there were none that come next; otherwise callers whose records an epoch ended without.
    func takeOwn() -> [StoreTask]? {
        let moved = state.withLock { state -> LedgerPosition? in
            let offered = own.take()
            guard !offered.isEmpty else { return nil }
            let before = state.position
            addOwn(offered, &state)
            return state.position == before ? nil : state.position
        }
        return moved.map { acks.release(upTo: $0) }
    }

    private func addOwn(_ offered: [OwnRecords], _ state: inout State) {
        let records = next(of: offered, after: state.position)
        guard let last = records.last else { return }
        let position = LedgerPosition(epoch: state.position.epoch, seq: last.seq)
        let head = EngineHead(position: position, time: last.time, identity: "")
        apply(records[...], TailBatch(records: records, head: head), &state)
    }

    /// Returns the part of an answer of the log that is not applied yet, with what has been offered beyond it.
    ///
    /// - Parameter asked: the position after which the log was asked.
    func completed(_ batch: TailBatch, after asked: LedgerPosition, _ state: State) -> (
        TailBatch, ArraySlice<JournalRecord>
    ) {
        var batch = batch
        let isApplied = { (record: JournalRecord) in
            asked.epoch == state.position.epoch && record.seq > asked.seq && record.seq <= state.position.seq
        }
        let applied = batch.records.prefix(while: isApplied).count
        let offered = own.take()
        guard !offered.isEmpty, batch.head.position.epoch == state.position.epoch,
            batch.records.count < TailBatch.countMax
        else { return (batch, batch.records.dropFirst(applied)) }
        let end = LedgerPosition(
            epoch: state.position.epoch, seq: max(batch.records.last?.seq ?? 0, state.position.seq))
        let more = next(of: offered, after: end)
        if let last = more.last {
            batch.records += more
            let position = max(batch.head.position, LedgerPosition(epoch: end.epoch, seq: last.seq))
            batch.head = EngineHead(
                position: position, time: max(batch.head.time, last.time), identity: batch.head.identity)
        }
        return (batch, batch.records.dropFirst(applied))
    }

    /// Returns the offered records that follow a position without a gap.
    private func next(of offered: [OwnRecords], after position: LedgerPosition) -> [JournalRecord] {
        var seq = position.seq
        var found: [JournalRecord] = []
        for part in offered where part.epoch == position.epoch {
            for record in part.records where record.seq == seq &+ 1 {
                found.append(record)
                seq = record.seq
            }
        }
        return found
    }

    /// Writes to the files what may be written after its callers were answered.
    func writeBehind() {
        guard !mayForget else { return }
        state.withLock { writeBacklog(&$0) }
    }
}
