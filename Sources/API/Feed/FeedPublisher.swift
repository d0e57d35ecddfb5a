import HTTP
import Platform
package import Revocation
import Synchronization
import Telemetry

/// Passes new records of the feed to the readers of all event loops. One thread runs it.
///
/// It writes each batch once for all readers. After a batch it waits until four times the time has passed that the
/// event loops took to send it, so that any number of readers uses at most a quarter of one processor.
package final class FeedPublisher: Sendable {
    /// The number of records in one batch: their JSON form is smaller than what a reader may leave unread.
    static let batchCountMax = 1_024
    /// The number of bytes that a reader may leave unread.
    static let unreadByteCountMax = 262_144
    /// In nanoseconds.
    private static let heartbeatInterval: Int64 = 1_000_000_000
    /// How late a waiting request may get its empty answer, in nanoseconds.
    private static let expiryInterval: Int64 = 50_000_000
    private static let restInterval: Int64 = 3_600_000_000_000
    private static let pauseFactor: Int64 = 4

    private struct State {
        var lanes: [FeedLane] = []
        var hasNews = false
        var isStopping = false
        /// Whether there is a reader that the thread may not know of.
        var isWoken = false
        /// Up to where every present reader had everything when it came.
        var restart: LedgerPosition?
        /// The event loops that still send the batch, and the time that the others took.
        var sendingCount = 0
        var spent: Int64 = 0
        var hasFinished = false
    }

    package let feed: RevocationFeed
    let access: FeedAccess
    /// Nil for a node that cannot make snapshots.
    let snapshots: FeedSnapshots?
    let encoder: FeedEncoder
    let figures = FeedFigures()
    private let monotonic: @Sendable () -> Int64
    private let state = ConditionLock(State())
    private let readerCount = Atomic<Int>(0)

    /// - Parameters:
    ///   - age: how old what this node knows may be, in milliseconds.
    ///   - monotonic: nanoseconds of a clock that only goes forward.
    package init(
        feed: RevocationFeed, access: FeedAccess, issuer: String, snapshots: FeedSnapshots? = nil,
        age: @escaping @Sendable () -> Int64 = { 0 }, monotonic: @escaping @Sendable () -> Int64
    ) {
        self.snapshots = snapshots
        self.feed = feed
        self.access = access
        encoder = FeedEncoder(issuer: issuer, age: age)
        self.monotonic = monotonic
        feed.observe { [weak self] hasNews in if hasNews { self?.noteNews() } }
    }

    private func noteNews() {
        // A reader counts itself before it looks at the feed, so either it sees the record or it is counted here.
        guard readerCount.load(ordering: .sequentiallyConsistent) > 0 else { return }
        state.withLock { $0.hasNews = true }
        state.signal()
    }

    /// Ends ``run()``.
    package func stop() {
        state.withLock { $0.isStopping = true }
        state.signal()
    }
}

// For the event loops.
extension FeedPublisher {
    /// Adds an event loop, once.
    func add(_ lane: FeedLane) { state.withLock { $0.lanes.append(lane) } }

    /// Counts a reader, before it looks for records for the last time and waits.
    func enter(_ lane: FeedLane, _ form: FeedForm) {
        let head = feed.head
        lane.add(1, form)
        let isFirst = readerCount.add(1, ordering: .sequentiallyConsistent).oldValue == 0
        guard isFirst || lane.readers(form) == 1 else { return }
        // The thread may sleep until something happens.
        state.withLock { state in
            if isFirst { state.restart = head }
            state.isWoken = true
        }
        state.signal()
    }

    func leave(_ lane: FeedLane, _ form: FeedForm) {
        lane.add(-1, form)
        readerCount.subtract(1, ordering: .sequentiallyConsistent)
    }

    /// Reports that an event loop has sent the batch, and how many nanoseconds that took.
    func finish(_ nanoseconds: Int64) {
        state.withLock { state in
            state.spent += nanoseconds
            state.sendingCount -= 1
            if state.sendingCount == 0 { state.hasFinished = true }
        }
        state.signal()
    }

    /// The readers of all event loops.
    func readers(_ form: FeedForm) -> Int {
        state.withLock { $0.lanes }.reduce(0) { $0 + $1.readers(form) }
    }
}

// The thread.
extension FeedPublisher {
    /// What the thread knows between two rounds.
    private struct Progress {
        /// Up to where all readers have everything, except for those that are behind.
        var last: LedgerPosition
        var hasNews = false
        var isSending = false
        /// Nanoseconds of the monotonic clock, as the next two.
        var began: Int64 = 0
        var pauseEnd: Int64 = 0
        var nextHeartbeat: Int64 = 0
    }

    private struct Signals {
        var hasNews: Bool
        var isStopping: Bool
        var restart: LedgerPosition?
        var spent: Int64?
        var isSending: Bool
        var lanes: [FeedLane]
    }

    /// Returns after ``stop()``.
    package func run() {
        var progress = Progress(last: feed.head)
        while true {
            let signals = wait(until: deadline(progress))
            guard !signals.isStopping else { return }
            take(signals, into: &progress)
            let now = monotonic()
            if progress.hasNews, !progress.isSending, now >= progress.pauseEnd {
                publish(&progress, to: signals.lanes, at: now)
            }
            if now >= progress.nextHeartbeat, readers(.events) > 0 {
                progress.nextHeartbeat = now + Self.heartbeatInterval
                sendHeartbeat(&progress, to: signals.lanes)
            }
            for lane in signals.lanes where lane.waitEnd.load(ordering: .acquiring) <= now {
                lane.waitEnd.store(.max, ordering: .releasing)
                lane.exchange.performInApplication { $0.endWaits() }
            }
        }
    }

    /// Waits until something happens, or until a time of the monotonic clock.
    private func wait(until deadline: Int64) -> Signals {
        let patience = max(0, min(Self.restInterval, deadline.subtractingReportingOverflow(monotonic()).partialValue))
        let signals: Signals? = state.wait(atMost: patience) { state in
            guard state.hasNews || state.isStopping || state.hasFinished || state.restart != nil || state.isWoken
            else { return nil }
            return Self.collect(&state)
        }
        return signals ?? state.withLock { Self.collect(&$0) }
    }

    private static func collect(_ state: inout State) -> Signals {
        defer {
            state.hasNews = false
            state.isWoken = false
            state.restart = nil
            if state.hasFinished { state.spent = 0 }
            state.hasFinished = false
        }
        return Signals(
            hasNews: state.hasNews, isStopping: state.isStopping, restart: state.restart,
            spent: state.hasFinished ? state.spent : nil, isSending: state.sendingCount > 0, lanes: state.lanes)
    }

    private func take(_ signals: Signals, into progress: inout Progress) {
        if signals.hasNews { progress.hasNews = true }
        progress.isSending = signals.isSending
        if let restart = signals.restart { progress.last = restart }
        if let spent = signals.spent { progress.pauseEnd = progress.began + Self.pauseFactor * spent }
    }

    private func deadline(_ progress: Progress) -> Int64 {
        var deadline = Int64.max / 2
        if readers(.events) > 0 { deadline = progress.nextHeartbeat }
        if readers(.json) + readers(.records) > 0 { deadline = min(deadline, monotonic() + Self.expiryInterval) }
        if progress.hasNews, !progress.isSending { deadline = min(deadline, progress.pauseEnd) }
        return deadline
    }

    private func publish(_ progress: inout Progress, to lanes: [FeedLane], at now: Int64) {
        progress.hasNews = false
        let batch: FeedBatch
        do throws(FeedGap) {
            let answer = try feed.answer(after: progress.last, countMax: Self.batchCountMax)
            guard !answer.isEmpty else { return progress.last = answer.head }
            batch = FeedBatch(answer, after: progress.last, encoder, readers(.json) > 0, readers(.events) > 0)
            progress.hasNews = answer.hasMore
            progress.last = answer.position
        } catch {
            // A new epoch, or a reset: each reader is looked at by itself.
            progress.last = feed.head
            batch = FeedBatch(FeedAnswer(bytes: [], head: progress.last), after: progress.last, encoder, false, false)
        }
        // After the look at the feed: a reader that is not counted yet looks later, and finds the same records itself.
        let active = lanes.filter(\.hasReaders)
        guard !active.isEmpty else { return }
        figures.batches.add()
        progress.began = now
        progress.isSending = true
        state.withLock { $0.sendingCount = active.count }
        for lane in active { lane.exchange.performInApplication { $0.deliver(batch) } }
    }

    private func sendHeartbeat(_ progress: inout Progress, to lanes: [FeedLane]) {
        // Records of other kinds move the head, and readers continue there.
        if let answer = try? feed.answer(after: progress.last, countMax: 1), answer.isEmpty {
            progress.last = answer.head
        } else {
            progress.hasNews = true
        }
        let event = encoder.heartbeat(at: progress.last, head: feed.head)
        let position = progress.last
        for lane in lanes where lane.readers(.events) > 0 {
            lane.exchange.performInApplication { $0.deliverHeartbeat(event, at: position) }
        }
    }
}
