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
            outcomes = try engine.commit(tasks.map(\.step), epoch: epoch, by: deadline)
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
        case (.failed(let fault), _): refuse(task, .unavailable(reason: Self.text(fault)))
        case (.unconfirmed, _):
            task.fail(.unavailable(reason: "fewer machines than demanded have the record"))
        case (.recorded(let stamp, _), .stamp(let done)):
            mirror.acks.add(task, at: stamp.position) { done(.success(stamp)) }
        case (.advanced(let stamp), .verdict(let done)):
            mirror.acks.add(task, at: stamp.position) { done(.success(.advanced(stamp.position, at: stamp.time))) }
        case (.stands(let rotation, let now), .verdict(let done)):
            // A repetition of this node is no second use of the token.
            done(task.isRepeated ? .failure(Self.unknown) : .success(.stands(rotation, now: now)))
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

    /// Fails a step; a revocation is kept until the engine has it.
    func refuse(_ task: StoreTask, _ fault: RevocationError) { refuse([task], fault) }

    func refuse(_ tasks: [StoreTask], _ fault: RevocationError) {
        guard !tasks.isEmpty else { return }
        var overflow: RevocationError?
        for task in tasks {
            guard let records = task.revocation else { continue }
            if !unsent.add(records) { overflow = .unwritable(reason: "too many revocations wait for the engine") }
        }
        do throws(JournalError) {
            try unsent.store()
        } catch {
            // They apply in memory all the same, and are written with the next ones.
            overflow = error
            options.observe(.copyUnwritable(reason: "\(error)"))
        }
        status.count { $0.unsentRevocations = unsent.groups.count }
        for task in tasks { task.fail(task.revocation == nil ? fault : overflow ?? fault) }
    }

    /// Fails callers whose records were durable on an engine that has lost them since.
    func answerLost(_ tasks: [StoreTask]) {
        refuse(tasks, .unavailable(reason: "the engine failed over before this node had the record"))
    }

    /// Answers those who have waited too long.
    ///
    /// - Returns: whether there were any.
    func expire() -> Bool {
        let now = now
        let queued = queue.takeExpired(at: now)
        refuse(queued, .unavailable(reason: "the engine did not answer in time"))
        let late = RevocationError.unavailable(reason: "this node does not have the record yet")
        let recorded = mirror.acks.takeExpired(at: now)
        for task in recorded { task.fail(late) }
        var expired: [StoreTask] = []
        doubtful = doubtful.compactMap { task in
            guard task.isWaiting, task.deadline <= now else { return task }
            expired.append(task)
            // A revocation is kept among those that the engine does not have.
            guard task.matters, task.revocation == nil else { return nil }
            var silent = task
            silent.answer = .none
            return silent
        }
        refuse(expired, .unavailable(reason: "the connection was lost, and whether the step was done is unknown"))
        return !queued.isEmpty || !recorded.isEmpty || !expired.isEmpty
    }

    /// Stores the revocations that came while nothing was taken, and answers their callers.
    ///
    /// - Returns: whether there were any.
    @discardableResult func keep() -> Bool {
        let kept = queue.takeKept()
        refuse(kept, queue.refusal)
        return !kept.isEmpty
    }

    /// Sends the revocations that the engine could not record before.
    func sendUnsent() throws(StoreFault) {
        guard case .ready(let epoch) = link, queue.mode.sends else { return }
        guard !unsent.groups.isEmpty else { return }
        let groups = Array(unsent.groups.prefix(1_024))
        let outcomes = try engine.commit(groups.map { .append($0) }, epoch: epoch, by: deadline)
        let done = zip(groups, outcomes).prefix { pair in
            if case .recorded = pair.1 { return true }
            return false
        }.count
        guard done > 0 else { return }
        do throws(JournalError) {
            try unsent.removeFirst(done)
        } catch {
            // They are sent again after a restart, which changes nothing.
            options.observe(.copyUnwritable(reason: "\(error)"))
        }
        status.count { $0.unsentRevocations = unsent.groups.count }
        options.observe(.unsentSent(count: done))
    }

    /// Answers everybody, before the ledger ends.
    func finish() {
        while !queue.isEmpty || !doubtful.isEmpty {
            if case .ready = link {
                do throws(StoreFault) {
                    queue.mode = .everything
                    try sendBatch()
                } catch {
                    failed(error)
                }
                if queue.isEmpty, doubtful.isEmpty { break }
            }
            keep()
            refuse(queue.takeExpired(at: nil), .closed)
            refuse(doubtful.filter(\.isWaiting), .closed)
            doubtful = []
        }
        queue.mode = .nothing
    }
}
