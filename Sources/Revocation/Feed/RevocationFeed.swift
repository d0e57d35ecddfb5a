package import Platform
internal import Synchronization

/// Why a reader cannot continue at a position.
package enum FeedGap: Error, Equatable, Sendable {
    /// Records after the position are no longer in memory.
    case gone
    /// The position is above the head, so it is not from this log.
    case ahead
    /// The log has no such epoch now.
    case unknown
}

/// The newest revocations in order, for readers that follow them.
///
/// It keeps the records of the last hour, at most ``recordCountMax``. Any thread may read it; one thread at a time
/// writes to it.
package final class RevocationFeed: LedgerSink {
    package static let recordCountMax = 65_536
    /// How long a record is kept, in milliseconds.
    package static let keptMilliseconds: Int64 = 3_600_000

    private struct State {
        var window = FeedWindow()
        var head = LedgerPosition(epoch: 1, seq: 0)
        /// The records of a log that is being opened, which may be out of order; nil afterwards.
        var replay: FeedReplay?
        var observe: @Sendable (Bool) -> Void = { _ in }
        var publishedCount: UInt64 = 0
    }

    private let state: Mutex<State>

    /// - Parameter now: records that are older than an hour then are not taken from a log that is being opened.
    package init(now: UnixMilliseconds) {
        var state = State()
        state.replay = FeedReplay(since: now.adding(milliseconds: -Self.keptMilliseconds))
        self.state = Mutex(state)
    }

    /// The position of the last record of the log, of whatever kind.
    package var head: LedgerPosition { state.withLock { $0.head } }
    /// The number of records in memory.
    package var count: Int { state.withLock { $0.window.count } }
    /// The number of records since the start of the process.
    package var publishedCount: UInt64 { state.withLock { $0.publishedCount } }

    /// Sets what runs after each change, on the thread that made it, with whether readers get something new.
    package func observe(_ body: @escaping @Sendable (Bool) -> Void) { state.withLock { $0.observe = body } }

    /// Returns the first records after a position, up to `countMax`.
    package func answer(
        after position: LedgerPosition, countMax: Int = FeedAnswer.recordCountMax
    ) throws(FeedGap) -> FeedAnswer {
        try state.withLock { state throws(FeedGap) in
            let head = state.head
            guard position.epoch == head.epoch else { throw .unknown }
            guard position.seq <= head.seq else { throw .ahead }
            guard let found = state.window.records(after: position.seq, countMax: countMax) else { throw .gone }
            return FeedAnswer(bytes: found.bytes, head: head, hasMore: found.hasMore)
        }
    }
}

// For a log that is being opened, before it is followed.
extension RevocationFeed {
    /// Takes an event of the log. The events may come in any order.
    func replay(_ event: RevocationEvent, at stamp: LedgerStamp) {
        guard let record = FeedRecord(stamp.position, at: stamp.time, event) else { return }
        state.withLock { $0.replay?.take(record) }
    }

    /// Ends the replay.
    func begin(at head: LedgerPosition) {
        state.withLock { state in
            state.head = head
            if let replay = state.replay { state.window = replay.window(epoch: head.epoch) }
            state.replay = nil
        }
    }
}

// For the log.
extension RevocationFeed {
    package func records(_ batch: [LedgerRecord], head: LedgerPosition) {
        let (observe, hasNews) = state.withLock { state in
            if state.head.epoch != head.epoch { state.window.forgetEverything(upTo: state.head.seq) }
            var added: UInt64 = 0
            for one in batch {
                // One answer never has records of two epochs.
                guard one.position.epoch == head.epoch else {
                    state.window.forgetEverything(upTo: one.position.seq)
                    continue
                }
                guard let record = FeedRecord(one.position, at: one.time, one.event),
                    state.window.append(record)
                else { continue }
                added += 1
            }
            state.publishedCount &+= added
            state.head = head
            return (state.observe, added > 0)
        }
        observe(hasNews)
    }

    package func reset(_ position: LedgerPosition) {
        let observe = state.withLock { state in
            state.window.forgetEverything(upTo: position.seq)
            state.head = position
            return state.observe
        }
        observe(true)
    }

    package func epoch(_ epoch: UInt32) {
        let observe = state.withLock { state in
            guard epoch != state.head.epoch else { return state.observe }
            state.window.forgetEverything(upTo: state.head.seq)
            state.head = LedgerPosition(epoch: epoch, seq: state.head.seq)
            return state.observe
        }
        observe(true)
    }

    package func caughtUp(_ head: LedgerPosition) {
        state.withLock { $0.head = head }
    }

    package func away(_: RevocationError) {}
}
