import Platform
import Synchronization

/// The time of the engine as a node knows it, which all nodes share; it never goes back.
final class EngineClock: Sendable {
    private struct State {
        /// The time of the engine when it last told it, and the monotonic clock then.
        var base: (time: UnixMilliseconds, at: Int64)?
        var last: UnixMilliseconds = 0
    }

    private let state = Mutex(State())
    private let wall: WallClock
    private let monotonicNow: @Sendable () -> Int64

    init(_ wall: WallClock, monotonicNow: @escaping @Sendable () -> Int64) {
        self.wall = wall
        self.monotonicNow = monotonicNow
    }

    var now: UnixMilliseconds {
        let (monotonic, present) = (monotonicNow(), wall.now)
        return state.withLock { state in
            let estimate = state.base.map { $0.time.adding(milliseconds: monotonic &- $0.at) } ?? present
            state.last = max(state.last, estimate)
            return state.last
        }
    }

    /// Milliseconds of the monotonic clock.
    var monotonic: Int64 { monotonicNow() }

    /// Notes the time of a record.
    func note(_ time: UnixMilliseconds) { state.withLock { $0.last = max($0.last, time) } }

    /// Notes the time that the engine gave, half a round trip ago.
    ///
    /// - Parameter sent: when the question was sent, by the monotonic clock.
    /// - Returns: how far the wall clock is ahead of that of the engine, in milliseconds; 0 within half the round trip.
    func learn(_ engine: UnixMilliseconds, sent: Int64) -> Int64 {
        let (received, present) = (monotonicNow(), wall.now)
        let half = max(0, received &- sent) / 2
        state.withLock { $0.base = (engine.adding(milliseconds: half), received) }
        let offset = present.adding(milliseconds: -half).milliseconds(since: engine)
        return offset.magnitude <= UInt64(half) ? 0 : offset
    }
}
