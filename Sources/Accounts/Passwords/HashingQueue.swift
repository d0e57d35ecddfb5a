import Platform

/// The work that waits for a ``HashingPool``'s workers.
///
/// Known logins go first, but one of ``otherTurn`` picks takes from the other lane, so that neither waits for the other's
/// end. Every decision takes logarithmic time, and memory is bounded by the number of places.
final class HashingQueue: Sendable {
    typealias Work = @Sendable () -> Void
    typealias Refuse = @Sendable (HashingRefusal) -> Void

    enum Next {
        case work(Work)
        /// No work came within the idle time; returned once, then the worker waits without end.
        case idle
        case closed
    }

    /// While both lanes have work, each pick with this number takes from the other lane.
    static let otherTurn = 4

    private let lock: ConditionLock<LaneState>
    private let idleMilliseconds: Int
    /// Milliseconds of a monotonic clock.
    private let now: @Sendable () -> Int64

    init(workers: Int, places: HashingPlaces, idleMilliseconds: Int, now: @escaping @Sendable () -> Int64) {
        lock = ConditionLock(LaneState(workers: workers, places: places))
        self.idleMilliseconds = idleMilliseconds
        self.now = now
    }

    /// All at one moment.
    var counts: HashingCounts { lock.withLock { $0.counts } }

    /// - Parameter refuse: called once, on any thread and without a lock, if the work was queued and will not run after
    ///   all. Work of the known lane without it always runs.
    /// - Returns: why the work was not queued; in that case neither `work` nor `refuse` is called.
    func push(_ lane: HashingLane, _ work: @escaping Work, refuse: Refuse?) -> HashingRefusal? {
        let now = now()
        let (refusal, displaced) = lock.withLock { state in
            var displaced = state.overdue(at: now)
            let refusal = state.push(WaitingWork(work: work, refuse: refuse, since: now), lane, &displaced)
            return (refusal, displaced)
        }
        if refusal == nil { lock.signal() }
        for (waiting, refusal) in displaced { waiting.refuse?(refusal) }
        return refusal
    }

    /// The next work, counted as busy until ``finish(_:)``.
    /// - Parameter waitsIdle: whether to return `.idle` after the idle time.
    func next(waitsIdle: Bool) -> Next {
        while true {
            let step: LaneState.Step
            if waitsIdle {
                let nanoseconds = Int64(idleMilliseconds) &* 1_000_000
                guard let found = lock.wait(atMost: nanoseconds, until: { $0.next(at: self.now()) }) else {
                    return .idle
                }
                step = found
            } else {
                step = lock.wait { $0.next(at: self.now()) }
            }
            switch step {
            case .work(let work): return .work(work)
            case .closed: return .closed
            case .refuse(let overdue): for (waiting, refusal) in overdue { waiting.refuse?(refusal) }
            }
        }
    }

    /// Runs work and measures it.
    func run(_ work: Work) {
        let began = now()
        work()
        let duration = now() &- began
        lock.withLock { $0.finish(after: duration) }
    }

    /// Accepts no more work; workers get what is queued, then `.closed`.
    func close() {
        lock.withLock { $0.isClosed = true }
        lock.broadcast()
    }
}

/// Work with the time at which it was queued.
struct WaitingWork: Sendable {
    let work: HashingQueue.Work
    let refuse: HashingQueue.Refuse?
    let since: Int64
}
