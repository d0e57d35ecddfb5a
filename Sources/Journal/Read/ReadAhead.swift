import Platform

/// Reads and checks records on a thread of its own, a few batches ahead of whoever applies them.
///
/// `@unchecked Sendable` holds because `reader` is used by the one thread that runs ``run()``, and by others only after
/// it has returned.
final class ReadAhead: @unchecked Sendable {
    private static let batchCountMax = 32
    /// Small enough that what one side wrote is still in the processor's cache when the other reads it.
    static let recordCountMax = 4_096

    private struct State {
        /// In order; the first is the next one.
        var full: [[JournalRecord]] = []
        /// Arrays to be filled again.
        var empty: [[JournalRecord]] = []
        var outcome: Result<Void, JournalError>?
    }

    private let state = ConditionLock(State())
    private var reader: ChainReader

    init(_ reader: ChainReader) {
        self.reader = reader
    }

    /// Reads to the end, or to the first fault.
    func run() {
        let outcome: Result<Void, JournalError>
        do throws(JournalError) {
            while true {
                var batch = state.wait { state in
                    state.full.count < Self.batchCountMax ? .some(state.empty.popLast() ?? []) : nil
                }
                guard try reader.next(into: &batch, upTo: Self.recordCountMax) else { break }
                state.withLock { $0.full.append(batch) }
                state.signal()
            }
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        state.withLock { $0.outcome = outcome }
        state.signal()
    }

    /// Gives every batch to `body`, and the reader at its end.
    ///
    /// - Throws: what the reading threw, after what was read before it was given.
    func take(_ body: ([JournalRecord]) -> Void) throws(JournalError) -> ChainReader {
        while true {
            let next: Result<[JournalRecord]?, JournalError> = state.wait { state in
                if !state.full.isEmpty { return .success(state.full.removeFirst()) }
                return state.outcome?.map { _ in nil }
            }
            guard var batch = try next.get() else { return reader }
            body(batch)
            batch.removeAll(keepingCapacity: true)
            let spent = batch
            state.withLock { $0.empty.append(spent) }
            state.signal()
        }
    }
}
