/// What the writer waits for between two turns.
///
/// It is a state machine without a thread: the writer thread sleeps as this says, and a simulation decides itself when a
/// sleep ends. Each step is made under the lock of the queue.
struct WriterWait {
    enum Phase: Equatable {
        /// For the next record.
        case record
        /// For the next record, which others probably follow.
        case firstOfMany
        /// For the others, a moment only.
        case others
        /// For the next record, or for the time of another attempt to write.
        case attempt(after: Int64)
    }

    enum Step: Equatable {
        case commit, end
        /// The time of the attempt has come.
        case attempt(after: Int64)
        /// The wait goes on, for something else.
        case otherPhase
    }

    private(set) var phase = Phase.record
    private var goal = BatchGoal()

    /// Begins the wait after a turn.
    ///
    /// - Parameter retryMilliseconds: the time until another attempt to write; nil if none is needed.
    mutating func begin(retryMilliseconds: Int64?) {
        if let retryMilliseconds {
            phase = .attempt(after: retryMilliseconds)
        } else {
            phase = goal.count > 1 ? .firstOfMany : .record
        }
    }

    /// The longest wait of the phase, in nanoseconds; nil if it ends with a signal only.
    var nanosecondsMax: Int64? {
        switch phase {
        case .record, .firstOfMany: nil
        case .others: BatchGoal.waitMax
        case .attempt(let milliseconds): milliseconds.multipliedReportingOverflow(by: 1_000_000).partialValue
        }
    }

    /// Looks at the queue, and takes the records if they are to be committed now.
    ///
    /// - Parameter isTimeUp: whether ``nanosecondsMax`` has passed.
    /// - Returns: nil if the wait goes on until the next signal.
    mutating func look(_ queue: inout JournalQueue, _ batch: inout JournalQueue.Batch, isTimeUp: Bool) -> Step? {
        switch phase {
        case .record:
            let step = Self.take(&queue, &batch)
            if step == .commit { goal.learn(batch.records.count, isLate: false) }
            return step
        case .firstOfMany:
            guard queue.waitingCount > 0 || queue.isClosing else { return nil }
            phase = .others
            queue.wakeCount = goal.count
            return look(&queue, &batch, isTimeUp: false) ?? .otherPhase
        case .others:
            let isComplete = queue.waitingCount >= goal.count || queue.isClosing
            guard isComplete || isTimeUp else { return nil }
            queue.wakeCount = 1
            // Only the writer empties the queue, so something is there.
            guard let step = Self.take(&queue, &batch) else {
                phase = .record
                return .otherPhase
            }
            if step == .commit { goal.learn(batch.records.count, isLate: !isComplete) }
            return step
        case .attempt(let milliseconds):
            return Self.take(&queue, &batch) ?? (isTimeUp ? .attempt(after: milliseconds) : nil)
        }
    }

    private static func take(_ queue: inout JournalQueue, _ batch: inout JournalQueue.Batch) -> Step? {
        queue.take(&batch) ? .commit : queue.isClosing ? .end : nil
    }
}
