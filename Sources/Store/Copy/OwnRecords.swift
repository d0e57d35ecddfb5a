import Journal
import Platform
import Revocation

/// Records of this node as the answer of the engine numbers and dates them. They need not come back over the log first.
struct OwnRecords: Sendable {
    let epoch: UInt32
    /// In order and without a gap.
    let records: [JournalRecord]

    /// - Parameter outcomes: one for each task.
    init(_ tasks: [StoreTask], _ outcomes: [StepOutcome], epoch: UInt32) {
        self.epoch = epoch
        var steps: [(stamp: LedgerStamp, records: [JournalRecord])] = []
        for (task, outcome) in zip(tasks, outcomes) {
            switch (outcome, task.work) {
            case (.recorded(let stamp, _), .append(let records, _)): steps.append((stamp, records))
            // The record of a repetition depends on what the first attempt did.
            case (.advanced(let stamp), .advance(let request)) where !task.isRepeated:
                let event = RevocationEvent.rotated(
                    sid: request.sid, generation: request.generation &+ 1, request: request.request,
                    sessionEnd: request.sessionEnd)
                steps.append((stamp, RevocationCodec.records(event)))
            default: break
            }
        }
        steps.sort { $0.stamp.position.seq < $1.stamp.position.seq }
        var found: [JournalRecord] = []
        for (stamp, records) in steps {
            // The position is that of the last record.
            let first = stamp.position.seq &- UInt64(records.count) &+ 1
            guard stamp.position.epoch == epoch, found.last.map({ first == $0.seq &+ 1 }) ?? true else { break }
            for (index, record) in records.enumerated() {
                found.append(record.placed(seq: first &+ UInt64(index), time: stamp.time))
            }
        }
        records = found
    }
}
