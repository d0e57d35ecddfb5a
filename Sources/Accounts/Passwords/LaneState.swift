/// The two lanes of a ``HashingQueue``, as values: times are passed in, and nothing is called.
struct LaneState: Sendable {
    typealias Refused = [(WaitingWork, HashingRefusal)]

    enum Step {
        case work(HashingQueue.Work)
        /// These have waited for too long.
        case refuse(Refused)
        case closed
    }

    var isClosed = false
    private(set) var counts = HashingCounts()

    private let workers: Int
    private let places: HashingPlaces
    private var known = FIFO<(waiting: WaitingWork, account: UInt64?)>()
    /// Known logins that wait, by account.
    private var waitingOfAccount: [UInt64: Int] = [:]
    private var others = RankedQueue<WaitingWork>()
    /// The other lane in the order of arrival; it may contain keys of work that has left.
    private var arrivals = FIFO<(key: RankedQueue<WaitingWork>.Key, since: Int64)>()
    private var arrivalNumber: UInt64 = 0
    /// Picks from the known lane in a row while the other one had work.
    private var knownInARow = 0
    private var duration = MeanDuration()

    init(workers: Int, places: HashingPlaces) {
        self.workers = workers
        self.places = places
    }

    /// Milliseconds until a worker is free for work that goes after `ahead` others, from the mean duration of the last
    /// ones.
    func expectedWait(ahead: Int) -> Int64 {
        hasIdleWorker ? 0 : duration.of(ahead + 1, by: workers)
    }

    /// - Parameter displaced: gets work of the other lane that loses its place.
    mutating func push(
        _ waiting: WaitingWork, _ lane: HashingLane, _ displaced: inout Refused
    ) -> HashingRefusal? {
        switch lane {
        case .known: pushKnown(waiting, of: nil)
        case .knownLogin(let account) where waitingOfAccount[account] ?? 0 < placesOfAccount:
            pushKnown(waiting, of: account)
        case .knownLogin: pushOther(waiting, rank: .max, &displaced)
        case .other(let lastFailure): pushOther(waiting, rank: lastFailure ?? .min, &displaced)
        }
    }

    private mutating func pushKnown(_ waiting: WaitingWork, of account: UInt64?) -> HashingRefusal? {
        if let refusal = refusalOfKnown() {
            counts.known.rejected += 1
            return refusal
        }
        known.append((waiting, account))
        counts.known.queued += 1
        if let account { waitingOfAccount[account, default: 0] += 1 }
        return nil
    }

    private mutating func pushOther(
        _ waiting: WaitingWork, rank: Int64, _ displaced: inout Refused
    ) -> HashingRefusal? {
        let key = RankedQueue<WaitingWork>.Key(rank: rank, number: arrivalNumber)
        if let refusal = refusalOfOther(key) {
            counts.other.rejected += 1
            return refusal
        }
        if waitingOthers >= places.other, !hasIdleWorker, let last = others.last, let loser = others.remove(last) {
            displaced.append((loser, refuseOther()))
        }
        arrivalNumber &+= 1
        others.insert(waiting, key)
        arrivals.append((key, waiting.since))
        counts.other.queued = others.count
        dropStaleArrivals()
        return nil
    }

    /// - Returns: nil if there is nothing to do yet.
    mutating func next(at now: Int64) -> Step? {
        let late = overdue(at: now)
        guard late.isEmpty else { return .refuse(late) }
        let key = others.first
        let isTurnOfOther = key != nil && knownInARow >= HashingQueue.otherTurn - 1
        let work: HashingQueue.Work
        if !isTurnOfOther, let waiting = removeFirstKnown() {
            knownInARow = key == nil ? 0 : knownInARow + 1
            work = waiting.work
        } else if let key, let waiting = others.remove(key) {
            counts.other.queued = others.count
            knownInARow = 0
            work = waiting.work
        } else {
            return isClosed ? .closed : nil
        }
        counts.busy += 1
        return .work(work)
    }

    mutating func finish(after milliseconds: Int64) {
        counts.busy -= 1
        duration.add(milliseconds)
    }

    /// Removes the work that has waited for longer than allowed.
    mutating func overdue(at now: Int64) -> Refused {
        guard let waitMax = places.waitMax else { return [] }
        var late: Refused = []
        while let first = known.first?.waiting, first.refuse != nil, now &- first.since > waitMax,
            let waiting = removeFirstKnown()
        {
            counts.known.rejected += 1
            late.append((waiting, refusal(after: known.count)))
        }
        while let (key, since) = arrivals.first, now &- since > waitMax {
            arrivals.removeFirst()
            guard let waiting = others.remove(key) else { continue }
            late.append((waiting, refuseOther()))
        }
        return late
    }

    private mutating func removeFirstKnown() -> WaitingWork? {
        guard let (waiting, account) = known.first else { return nil }
        known.removeFirst()
        counts.known.queued -= 1
        if let account, let count = waitingOfAccount[account] {
            waitingOfAccount[account] = count > 1 ? count - 1 : nil
        }
        return waiting
    }

    /// How many known logins of one account may wait in their lane.
    private var placesOfAccount: Int { max(places.known / 8, 1) }

    /// Workers that have not taken what waits for them yet.
    private var idle: Int { max(workers - counts.busy, 0) }
    private var hasIdleWorker: Bool { known.count + others.count < idle }
    /// What still waits when every idle worker has taken something.
    private var waitingKnown: Int { max(known.count - idle, 0) }
    private var waitingOthers: Int { max(others.count - max(idle - known.count, 0), 0) }

    private func refusalOfKnown() -> HashingRefusal? {
        // Turns of the other lane come between the known ones.
        let ahead = known.count + min(others.count, known.count / (HashingQueue.otherTurn - 1))
        guard !isClosed, hasIdleWorker || waitingKnown < places.known, isBearable(ahead) else {
            return refusal(after: ahead)
        }
        return nil
    }

    private func refusalOfOther(_ key: RankedQueue<WaitingWork>.Key) -> HashingRefusal? {
        let before = others.countBefore(key)
        let ahead = before + min(known.count, (before + 1) * (HashingQueue.otherTurn - 1))
        // In a full lane, work that goes before the last takes its place.
        let hasPlace = waitingOthers < places.other || before < others.count
        guard !isClosed, hasIdleWorker || hasPlace, isBearable(ahead) else { return refusal(after: ahead) }
        return nil
    }

    private func isBearable(_ ahead: Int) -> Bool {
        places.waitMax.map { expectedWait(ahead: ahead) <= $0 } ?? true
    }

    private func refusal(after ahead: Int) -> HashingRefusal {
        let seconds = (expectedWait(ahead: ahead) + 999) / 1_000
        return HashingRefusal(retryAfterSeconds: min(max(seconds, 1), 60))
    }

    private mutating func refuseOther() -> HashingRefusal {
        counts.other.queued = others.count
        counts.other.rejected += 1
        return refusal(after: known.count + others.count)
    }

    /// Most keys at the head have left when the lane moves; what remains is bounded by twice the places.
    private mutating func dropStaleArrivals() {
        guard arrivals.count > 2 * max(places.other, workers) else { return }
        var live = FIFO<(key: RankedQueue<WaitingWork>.Key, since: Int64)>()
        while let arrival = arrivals.first {
            arrivals.removeFirst()
            if others.contains(arrival.key) { live.append(arrival) }
        }
        arrivals = live
    }
}

/// The mean duration of work, in which newer work counts for more.
private struct MeanDuration {
    private var milliseconds: Double?

    mutating func add(_ new: Int64) {
        let new = Double(max(new, 0))
        milliseconds = milliseconds.map { $0 + (new - $0) / 8 } ?? new
    }

    /// Milliseconds for `count` pieces of work; 0 until one has been measured.
    func of(_ count: Int, by workers: Int) -> Int64 {
        Int64(min((milliseconds ?? 0) * Double(count) / Double(max(workers, 1)), 1e12))
    }
}
