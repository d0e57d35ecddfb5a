package import Service
import Platform
import Synchronization

/// Makes snapshots of the revocations on a thread of their own, one at a time and at most one in ten seconds.
package final class FeedSnapshots: Sendable {
    package typealias Result = Swift.Result<RevocationSnapshot, SnapshotFailure>

    /// In milliseconds.
    static let interval: Int64 = 10_000

    private struct State {
        var current: RevocationSnapshot?
        /// Nil while none is being made.
        var waiting: [@Sendable (Result) -> Void]?
    }

    private let state = Mutex(State())
    private let make: @Sendable (RevocationSnapshot?) -> Result
    /// Milliseconds.
    private let monotonic: @Sendable () -> Int64

    /// - Parameters:
    ///   - monotonic: milliseconds of a clock that only goes forward.
    ///   - make: makes a snapshot; it receives the last one.
    package init(
        monotonic: @escaping @Sendable () -> Int64, _ make: @escaping @Sendable (RevocationSnapshot?) -> Result
    ) {
        self.monotonic = monotonic
        self.make = make
    }

    /// The last snapshot, unless it is older than ``interval``.
    var current: RevocationSnapshot? {
        let now = monotonic()
        return state.withLock { state in
            guard let current = state.current, now &- current.madeAt < Self.interval else { return nil }
            return current
        }
    }

    /// Makes a snapshot, or waits for the one that is being made.
    ///
    /// - Parameter done: runs on another thread.
    func request(_ done: @escaping @Sendable (Result) -> Void) {
        let isFirst = state.withLock { state in
            guard state.waiting == nil else {
                state.waiting?.append(done)
                return false
            }
            state.waiting = [done]
            return true
        }
        guard isFirst else { return }
        do throws(ThreadError) {
            try Platform.Thread(name: "snapshot") { [self] in finish(make(state.withLock { $0.current })) }.detach()
        } catch {
            finish(.failure(.unreadable("\(error)")))
        }
    }

    private func finish(_ result: Result) {
        let waiting = state.withLock { state in
            defer { state.waiting = nil }
            if case .success(let snapshot) = result { state.current = snapshot }
            return state.waiting ?? []
        }
        for done in waiting { done(result) }
    }
}
