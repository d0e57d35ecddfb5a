internal import Journal
internal import Platform
internal import Revocation
package import Store

extension PostgresEngine {
    package func commit(
        _ steps: [StoreStep], epoch: UInt32, by deadline: StoreDeadline
    ) throws(StoreFault) -> [StepOutcome] {
        let plan = CommitRounds(steps)
        var outcomes: [StepOutcome?] = steps.indices.map { index in plan.failed[index].map(StepOutcome.failed) }
        for (index, round) in plan.rounds.enumerated() {
            do {
                try run(round, epoch, &outcomes, by: deadline)
            } catch {
                // What earlier round trips did is known.
                if index == 0 { throw error }
                let rest: StoreFault
                if case .lost(let reason) = error { rest = .unreachable(reason: reason) } else { rest = error }
                fail(round, error, &outcomes)
                for later in plan.rounds[(index + 1)...] { fail(later, rest, &outcomes) }
                break
            }
        }
        return outcomes.map { $0 ?? .failed(.malformed(reason: "a step got no answer")) }
    }

    private func run(
        _ round: CommitRound, _ epoch: UInt32, _ outcomes: inout [StepOutcome?], by deadline: StoreDeadline
    ) throws(StoreFault) {
        switch round {
        case .commit(let batch): try commit(batch, epoch, &outcomes, by: deadline)
        case .data(let batch): try exchangeData(batch, epoch, &outcomes, by: deadline)
        case .tell(let batch, let step): try tell(batch, step, epoch, &outcomes, by: deadline)
        }
    }

    private func fail(_ round: CommitRound, _ fault: StoreFault, _ outcomes: inout [StepOutcome?]) {
        let steps: [Int] =
            switch round {
            case .commit(let batch): Array(batch.steps)
            case .data(let batch): batch.steps
            case .tell(_, let step): [step]
            }
        for step in steps { outcomes[step] = .failed(fault) }
    }

    /// Calls a function that changes something and returns rows.
    ///
    /// - Parameter count: the number of the parameters.
    /// - Returns: the rows, and whether fewer machines than demanded have what was done.
    private func call(
        _ function: String, _ values: BinaryValues, by deadline: StoreDeadline
    ) throws(StoreFault) -> (rows: PostgresResult, isUnconfirmed: Bool) {
        let places = (1...values.types.count).map { "$\($0)" }.joined(separator: ", ")
        return try use(.writing) { link throws(PostgresError) in
            _ = link.takeWarning()
            let text = "SELECT * FROM \(schema.quoted).\(function)(\(places))"
            let rows = try statements.run(text, values, on: link, by: deadline)
            // Only a cancelled wait for a standby warns.
            return (rows, link.takeWarning() != nil)
        }
    }

    private func commit(
        _ batch: CommitBatch, _ epoch: UInt32, _ outcomes: inout [StepOutcome?], by deadline: StoreDeadline
    ) throws(StoreFault) {
        let (rows, isUnconfirmed) = try call("commit", batch.values(epoch: epoch), by: deadline)
        try checkEpoch(rows, by: deadline)
        try read { () throws(PostgresError) in
            let now = try rows.time(0, 5)
            for row in 1..<rows.rowCount {
                let step = try stepIndex(rows, row, in: batch.steps)
                let outcome = try self.outcome(rows, row, epoch, now)
                outcomes[step] = isUnconfirmed && !outcome.isRejection ? .unconfirmed : later(outcomes[step], outcome)
            }
        }
    }

    /// A step with several records has the position of the last.
    private func later(_ before: StepOutcome?, _ new: StepOutcome) -> StepOutcome {
        guard case .recorded(let old, _) = before, case .recorded(let stamp, _) = new else { return new }
        return stamp.position < old.position ? .recorded(old) : new
    }

    private func outcome(
        _ rows: PostgresResult, _ row: Int, _ epoch: UInt32, _ now: UnixMilliseconds
    ) throws(PostgresError) -> StepOutcome {
        let verdict: Int32 = try rows.number(row, 1)
        switch verdict {
        case 0, 6:
            let stamp = LedgerStamp(LedgerPosition(epoch: epoch, seq: try rows.unsigned(row, 2)), time: now)
            return try rows.isTrue(row, 6) ? .advanced(stamp) : .recorded(stamp)
        case 1:
            guard let generation: Int64 = try rows.optionalNumber(row, 3) else { return .stands(nil, now: now) }
            let request: Int64 = try rows.number(row, 4)
            guard let generation = UInt32(exactly: generation), let request = UInt32(exactly: request) else {
                throw .malformed("a rotation is out of range")
            }
            return .stands(Rotation(generation: generation, request: request, at: try rows.time(row, 5)), now: now)
        default: return .rejected(try denial(verdict))
        }
    }

    private func denial(_ verdict: Int32) throws(PostgresError) -> Denial {
        switch verdict {
        case 2: .session
        case 3: .all
        case 4: .client
        case 5: .subject
        default: throw .malformed("the verdict is \(verdict)")
        }
    }

    private func exchangeData(
        _ batch: DataBatch, _ epoch: UInt32, _ outcomes: inout [StepOutcome?], by deadline: StoreDeadline
    ) throws(StoreFault) {
        let (rows, isUnconfirmed) = try call("data", batch.values(epoch: epoch), by: deadline)
        try checkEpoch(rows, by: deadline)
        let steps = Set(batch.steps)
        try read { () throws(PostgresError) in
            for row in 0..<rows.rowCount {
                let step = try stepIndex(rows, row, in: steps)
                let verdict: Int32 = try rows.number(row, 1)
                let revision = try rows.unsigned(row, 2)
                switch verdict {
                case 0 where batch.isWrite(step):
                    outcomes[step] = isUnconfirmed ? .unconfirmed : .stored(revision: revision)
                case 0:
                    let content = try rows.bytes(row, 3, countMax: DataBatch.byteCountMax)
                    outcomes[step] = .data(SessionData(revision: revision, content: content))
                case 1: outcomes[step] = .conflict(revision: revision)
                case 7: outcomes[step] = .data(nil)
                default: outcomes[step] = .rejected(try denial(verdict))
                }
            }
        }
    }

    private func tell(
        _ batch: TellBatch, _ step: Int, _ epoch: UInt32, _ outcomes: inout [StepOutcome?], by deadline: StoreDeadline
    ) throws(StoreFault) {
        let (rows, isUnconfirmed) = try call("tell", batch.values(epoch: epoch), by: deadline)
        guard rows.rowCount > 0 else { throw try epochFault(by: deadline) }
        try read { () throws(PostgresError) in
            let position = LedgerPosition(epoch: epoch, seq: try rows.unsigned(0, 0))
            var forks = 0
            if case .recorded(_, let before) = outcomes[step] { forks = before }
            let new: Int32 = try rows.number(0, 2)
            let stamp = LedgerStamp(position, time: try rows.time(0, 1))
            if isUnconfirmed || outcomes[step] == .unconfirmed {
                outcomes[step] = .unconfirmed
            } else {
                outcomes[step] = .recorded(stamp, forks: forks &+ Int(new))
            }
        }
    }

    /// A first row with the verdict 100 says that the epoch is another one.
    private func checkEpoch(_ rows: PostgresResult, by deadline: StoreDeadline) throws(StoreFault) {
        let verdict: Int32 = try read { () throws(PostgresError) in try rows.number(0, 1) }
        if verdict == 100 { throw try epochFault(by: deadline) }
    }

    private func epochFault(by deadline: StoreDeadline) throws(StoreFault) -> StoreFault {
        .epoch(try use(.reading) { link throws(PostgresError) in try head(link, by: deadline) })
    }

    private func stepIndex(_ rows: PostgresResult, _ row: Int, in steps: Set<Int>) throws(PostgresError) -> Int {
        let step: Int32 = try rows.number(row, 0)
        guard steps.contains(Int(step)) else { throw .malformed("an answer to a step that was not sent") }
        return Int(step)
    }

    /// Reads an answer to something that may have been done.
    private func read<Value>(_ body: () throws(PostgresError) -> Value) throws(StoreFault) -> Value {
        do {
            return try body()
        } catch {
            disconnect()
            throw FaultTable.fault(error, .writing)
        }
    }
}

extension StepOutcome {
    fileprivate var isRejection: Bool {
        if case .rejected = self { true } else { false }
    }
}
