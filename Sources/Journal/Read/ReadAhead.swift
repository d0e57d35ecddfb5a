import Platform

/// Reads and checks records on a thread of its own, a few batches ahead of the thread that applies them.
///
/// `@unchecked Sendable` is safe because only the thread that runs ``run()`` uses `reader`, and other threads use it
/// only after that function has returned.
final class ReadAhead: @unchecked Sendable {
    private static let batchCountMax = 32

    private struct State {
        /// In order; the first is the next one.
        var full: [[JournalRecord]] = []
        /// Arrays to be reused.
        var empty: [[JournalRecord]] = []
        var outcome: Result<Void, JournalError>?
    }

    private let state = ConditionLock(State())
    private var reader: ChainReader

    init(_ reader: ChainReader) {
        self.reader = reader
    }

    /// Reads to the end, or to the first error.
    func run() {
        let outcome: Result<Void, JournalError>
        do throws(JournalError) {
            while true {
                var batch = state.wait { state in
                    state.full.count < Self.batchCountMax ? .some(state.empty.popLast() ?? []) : nil
                }
                guard try reader.next(into: &batch, upTo: ReadSize.recordCountMax) else { break }
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

    /// Passes every batch to `body`, and returns the reader at its end.
    ///
    /// - Throws: the error of the reading thread, after `body` has received everything read before it.
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
