internal import Platform

/// Requests that wait until this process has everything up to a position. Only a process that follows other writers has
/// any: one that writes alone never lacks a record.
///
/// A thread looks every few milliseconds, and sleeps without waiting requests. So no ledger has to report its progress,
/// and no event loop waits.
final class PositionWaiters: Sendable {
    /// How long a request waits at most, in looks of ``pause`` nanoseconds each: 250 ms.
    private static let lookCount = 50
    private static let pause: Int64 = 5_000_000
    /// How many requests may wait at once; more are answered at once.
    private static let countMax = 10_000
    /// How many bytes of requests may be kept meanwhile.
    private static let byteCountMax = 64 << 20

    private struct Waiter: Sendable {
        let seq: UInt64
        let byteCount: Int
        var looks = 0
        let done: @Sendable (Bool) -> Void
    }

    private struct State {
        var waiters: [Waiter] = []
        var byteCount = 0
        var isRunning = false
        var isClosed = false
    }

    private let state = ConditionLock(State())
    private let head: LedgerHead

    init(_ head: LedgerHead) { self.head = head }

    /// Calls `done` with whether everything up to `seq` is here, at once or within 250 ms.
    ///
    /// - Parameter byteCount: how much memory the request keeps while it waits.
    func wait(for seq: UInt64, keeping byteCount: Int, _ done: @escaping @Sendable (Bool) -> Void) {
        if seq <= head.seq { return done(true) }
        let (isWaiting, starts) = state.withLock { state -> (Bool, Bool) in
            guard !state.isClosed, state.waiters.count < Self.countMax,
                byteCount <= Self.byteCountMax - state.byteCount
            else { return (false, false) }
            state.waiters.append(Waiter(seq: seq, byteCount: byteCount, done: done))
            state.byteCount += byteCount
            defer { state.isRunning = true }
            return (true, !state.isRunning)
        }
        guard isWaiting else { return done(false) }
        if starts { start() } else { state.signal() }
    }

    private func start() {
        do throws(ThreadError) {
            try Thread(name: "positions") { [self] in run() }.detach()
        } catch {
            // Without a thread, nothing can wait.
            let waiters = state.withLock { state in
                state.isRunning = false
                defer { (state.waiters, state.byteCount) = ([], 0) }
                return state.waiters
            }
            for waiter in waiters { waiter.done(false) }
        }
    }

    private func run() {
        while true {
            let isOver = state.wait { state -> Bool? in state.isClosed ? true : state.waiters.isEmpty ? nil : false }
            let reached = head.seq
            let answers = state.withLock { state in
                var answers: [(done: @Sendable (Bool) -> Void, isReached: Bool)] = []
                var left: [Waiter] = []
                for var waiter in state.waiters {
                    waiter.looks += 1
                    if waiter.seq <= reached || isOver || waiter.looks > Self.lookCount {
                        answers.append((waiter.done, waiter.seq <= reached))
                    } else {
                        left.append(waiter)
                    }
                }
                state.waiters = left
                state.byteCount = left.reduce(0) { $0 + $1.byteCount }
                return answers
            }
            for answer in answers { answer.done(answer.isReached) }
            if isOver { return }
            _ = state.wait(atMost: Self.pause) { state -> Void? in state.isClosed ? () : nil }
        }
    }

    func close() {
        state.withLock { $0.isClosed = true }
        state.broadcast()
    }
}
