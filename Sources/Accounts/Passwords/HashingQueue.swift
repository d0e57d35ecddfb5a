import Platform

/// The work that waits for a ``HashingPool``'s workers, first in, first out.
final class HashingQueue: Sendable {
    typealias Work = @Sendable () -> Void

    enum Next {
        case work(Work)
        /// No work came within the idle time; returned once, then the worker waits without end.
        case idle
        case closed
    }

    struct Counts {
        var queued = 0
        var busy = 0
        var rejected = 0
    }

    fileprivate struct State {
        var slots: [Work?] = []
        var head = 0
        var counts = Counts()
        var isClosed = false
    }

    private let lock = ConditionLock(State())
    private let outstandingMax: Int
    private let idleMilliseconds: Int

    init(workers: Int, queueCountMax: Int, idleMilliseconds: Int) {
        outstandingMax = workers.addingReportingOverflow(queueCountMax).overflow ? Int.max : workers + queueCountMax
        self.idleMilliseconds = idleMilliseconds
    }

    var counts: Counts { lock.withLock { $0.counts } }

    /// - Returns: false if all workers are busy and the queue is full, or if it is closed.
    func push(_ work: @escaping Work) -> Bool {
        let isQueued = lock.withLock { state in
            guard !state.isClosed, state.counts.queued + state.counts.busy < outstandingMax else {
                state.counts.rejected &+= 1
                return false
            }
            state.slots.append(work)
            state.counts.queued += 1
            return true
        }
        if isQueued { lock.signal() }
        return isQueued
    }

    /// The next work, counted as busy until ``finish()``.
    /// - Parameter waitsIdle: whether to return `.idle` after the idle time.
    func next(waitsIdle: Bool) -> Next {
        guard waitsIdle else { return lock.wait { $0.next() } }
        return lock.wait(atMost: Int64(idleMilliseconds)) { $0.next() } ?? .idle
    }

    func finish() {
        lock.withLock { $0.counts.busy -= 1 }
    }

    /// Accepts no more work; workers get what is queued, then `.closed`.
    func close() {
        lock.withLock { $0.isClosed = true }
        lock.broadcast()
    }
}

extension HashingQueue.State {
    /// - Returns: nil if there is nothing to do yet.
    fileprivate mutating func next() -> HashingQueue.Next? {
        guard counts.queued > 0 else { return isClosed ? .closed : nil }
        counts.queued -= 1
        counts.busy += 1
        return .work(pop())
    }

    private mutating func pop() -> HashingQueue.Work {
        guard let work = slots[head] else { preconditionFailure("a queue's counted slot is full") }
        slots[head] = nil
        head += 1
        // Half of the slots are empty: move the rest down, so that a queue that is never quite empty does not grow.
        if head * 2 >= slots.count {
            slots.removeFirst(head)
            head = 0
        }
        return work
    }
}
