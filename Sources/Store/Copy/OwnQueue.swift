import Platform

/// Passes records of this node from the thread of the engine to the one that follows the log.
///
/// The log of an engine may show the first record of a batch before the others. With this, the thread that follows it
/// writes a whole batch to the copy at once.
final class OwnQueue: Sendable {
    private struct State {
        /// How many steps the batch has whose answer is not here yet.
        var awaited = 0
        /// The number of batches so far.
        var batch: UInt64 = 0
        var parts: [OwnRecords] = []
        /// Whether a caller waits for records of the log.
        var isUrgent = false
    }

    private let state = ConditionLock(State())

    /// Notes that a batch leaves.
    func begin(_ count: Int) {
        state.withLock { state in
            state.awaited = count
            state.batch &+= 1
        }
    }

    /// Notes that the answer to the batch is here, or that there is none.
    func end(_ own: OwnRecords?) {
        state.withLock { state in
            state.awaited = 0
            if let own, !own.records.isEmpty { state.parts.append(own) }
        }
        state.signal()
    }

    /// Waits for the answer to the batch that is on its way, if it has more steps than records have come.
    func wait(have count: Int, atMost milliseconds: Int64) {
        let batch = state.withLock { $0.awaited > count ? $0.batch : nil }
        guard let batch else { return }
        _ = state.wait(atMost: milliseconds &* 1_000_000) { $0.awaited == 0 || $0.batch != batch ? () : nil }
    }

    /// Ends the rest of the thread that follows the log: a caller waits for records of other nodes.
    func hurry() {
        state.withLock { $0.isUrgent = true }
        state.signal()
    }

    /// Waits until a caller needs the log.
    func rest(atMost milliseconds: Int64) {
        if milliseconds > 0 { _ = state.wait(atMost: milliseconds &* 1_000_000) { $0.isUrgent ? () : nil } }
        state.withLock { $0.isUrgent = false }
    }

    func take() -> [OwnRecords] {
        state.withLock { state in
            guard !state.parts.isEmpty else { return [] }
            defer { state.parts = [] }
            return state.parts
        }
    }
}
