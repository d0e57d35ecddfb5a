import Journal
import Platform
import Revocation

extension StoreWriter {
    /// Sends the steps that wait, those whose outcome is unknown first.
    func sendBatch() throws(StoreFault) {
        guard case .ready(let epoch) = link else { return }
        guard queue.mode.sends else { return }
        let tasks = doubtful + queue.take(upTo: Self.batchCountMax)
        guard !tasks.isEmpty else { return }
        doubtful = []
        let began = ContinuousClock.now
        let outcomes: [StepOutcome]
        mirror.own.begin(tasks.count)
        do throws(StoreFault) {
            let now = now
            // Soon after the first attempt, the time stays: another node may have given the response with it meanwhile.
            let steps = tasks.map { $0.step(renews: now &- $0.asked > options.grace / 2) }
            outcomes = try engine.commit(steps, epoch: epoch, by: deadline)
        } catch {
            mirror.own.end(nil)
            unanswered(tasks, error)
            throw error
        }
        guard outcomes.count == tasks.count else {
            mirror.own.end(nil)
            unanswered(tasks, .malformed(reason: ""))
            throw .malformed(reason: "the engine answered \(outcomes.count) of \(tasks.count) steps")
        }
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        status.count { figures in
            figures.commits.add(seconds)
            figures.batchRecords.add(Double(tasks.count))
        }
        for (task, outcome) in zip(tasks, outcomes) { settle(task, outcome) }
        mirror.offer(OwnRecords(tasks, outcomes, epoch: epoch))
        answerLost(mirror.acks.release(upTo: mirror.head.position))
        if mirror.acks.nextDeadline != nil { mirror.own.hurry() }
    }

    /// Keeps the steps of a batch that was not answered.
    private func unanswered(_ tasks: [StoreTask], _ fault: StoreFault) {
        switch fault {
        case .lost, .malformed, .closed, .damaged, .gone:
            doubtful = tasks.map { task in
                var task = task
                task.isRepeated = true
                return task
            }
        case .unreachable, .busy, .notPrimary, .rejected, .epoch:
            // Nothing happened. What an earlier attempt may have done stays in doubt.
            doubtful = tasks.filter(\.isRepeated)
            queue.putBack(tasks.filter { !$0.isRepeated })
        }
    }

    private func settle(_ task: StoreTask, _ outcome: StepOutcome) {
        switch (outcome, task.answer) {
        case (.failed(let fault), _): refusals.refuse([task], .unavailable(reason: Self.text(fault)))
        case (.unconfirmed, _):
            task.fail(.unavailable(reason: "fewer machines than demanded have the record"))
        case (.recorded(let stamp, _), .stamp(let done)):
            mirror.acks.add(task, at: stamp.position) { done(.success(stamp)) }
        case (.advanced(let stamp), .verdict(let done)):
            mirror.acks.add(task, at: stamp.position) { done(.success(.advanced(stamp.position, at: stamp.time))) }
        case (.stands(let rotation, let now), .verdict(let done)):
            // A repetition of this node is no second use of the token.
            let isKnown = !task.isRepeated || task.made(rotation, now: now, grace: options.grace)
            done(isKnown ? .success(.stands(rotation, now: now)) : .failure(Self.unknown))
        case (.rejected(let denial), .verdict(let done)): done(.success(.rejected(denial)))
        case (.conflict, .outcome(let done)) where task.isRepeated:
            // The revision may be that of the first attempt.
            done(.failure(.unavailable(reason: "the connection was lost, and whether the data was written is unknown")))
        case (_, .outcome(let done)): done(.success(outcome))
        case (_, .none): break
        case (_, .stamp), (_, .verdict):
            task.fail(.unavailable(reason: "the engine answered another question"))
        }
    }

    private static let unknown = RevocationError.unavailable(
        reason: "the connection was lost, and whether the rotation happened is unknown")

    /// Fails callers whose records were durable on an engine that has lost them since.
    func answerLost(_ tasks: [StoreTask]) {
        refusals.refuse(tasks, .unavailable(reason: "the engine failed over before this node had the record"))
    }

    /// Answers those who have waited too long.
    ///
    /// - Returns: whether there were any.
    func expire() -> Bool {
        let now = now
        let hasQueued = refusals.answerExpired(at: now)
        let hasRecorded = mirror.acks.answerExpired(at: now)
        let doubted = withdraw { $0.deadline <= now }
        refusals.refuse(
            doubted, .unavailable(reason: "the connection was lost, and whether the step was done is unknown"))
        return hasQueued || hasRecorded || !doubted.isEmpty
    }

    /// Takes callers off the steps whose outcome is unknown. Those that matter are sent again all the same.
    ///
    /// - Returns: the steps with their callers.
    func withdraw(where isWithdrawn: (StoreTask) -> Bool) -> [StoreTask] {
        var withdrawn: [StoreTask] = []
        doubtful = doubtful.compactMap { task in
            guard task.isWaiting, isWithdrawn(task) else { return task }
            withdrawn.append(task)
            // A revocation is kept among those that the engine does not have.
            guard task.matters, task.revocation == nil else { return nil }
            var silent = task
            silent.answer = .none
            return silent
        }
        return withdrawn
    }

    /// Sends the revocations that the engine could not record before.
    func sendUnsent() throws(StoreFault) {
        guard case .ready(let epoch) = link, queue.mode.sends else { return }
        let groups = refusals.first(1_024)
        guard !groups.isEmpty else { return }
        let outcomes = try engine.commit(groups.map { .append($0) }, epoch: epoch, by: deadline)
        let done = zip(groups, outcomes).prefix { pair in
            if case .recorded = pair.1 { return true }
            return false
        }.count
        guard done > 0 else { return }
        refusals.removeFirst(done)
        options.observe(.unsentSent(count: done))
    }

    /// Answers everybody, before the ledger ends.
    func finish() {
        while !queue.isEmpty || !doubtful.isEmpty {
            if case .ready = link {
                do throws(StoreFault) {
                    queue.set(.everything)
                    try sendBatch()
                } catch {
                    failed(error)
                }
                if queue.isEmpty, doubtful.isEmpty { break }
            }
            refusals.answerKept()
            refusals.refuse(queue.takeExpired(at: nil), .closed)
            refusals.refuse(doubtful.filter(\.isWaiting), .closed)
            doubtful = []
        }
        queue.set(.nothing)
    }
}
