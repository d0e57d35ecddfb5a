import Synchronization

/// Admits one of many similar events per interval, and counts the others.
package final class LogRateLimiter: Sendable {
    private struct State {
        var openAt: Int64 = .min
        var heldBack: UInt64 = 0
    }

    private let interval: Int64
    private let state = Mutex(State())

    /// - Parameter interval: milliseconds.
    package init(interval: Int64) {
        self.interval = interval
    }

    /// Counts an event and decides whether to log it.
    ///
    /// - Parameter now: milliseconds of a monotonic clock.
    /// - Returns: how many events this one represents, itself included; nil if it must not be logged.
    package func admit(at now: Int64) -> UInt64? {
        state.withLock { state in
            state.heldBack &+= 1
            guard now >= state.openAt else { return nil }
            defer { state.heldBack = 0 }
            state.openAt = now &+ interval
            return state.heldBack
        }
    }
}
