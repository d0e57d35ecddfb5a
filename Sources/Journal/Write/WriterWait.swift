/// What the writer waits for between two turns.
///
/// A durable write costs about the same for one record as for many. While several clients wait, a commit therefore waits
/// until the event loops have nothing left to do: on a busy processor, records that come in meanwhile share the write, and
/// on an idle one nothing is delayed. A single client never waits for others.
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

    /// How long a commit waits for others at most, in nanoseconds.
    static let waitMax: Int64 = 1_000_000
    /// More records do not make a commit cheaper for each of them.
    static let countMax = 256
    /// The size of a batch that shows that several clients wait; one alone causes up to two records at once.
    static let crowdMin = 3
    /// For how many commits after such a batch others are expected.
    static let crowdCount = 32

    private(set) var phase = Phase.record
    /// For how many more commits others are expected.
    private(set) var crowd = 0

    /// Begins the wait after a turn.
    ///
    /// - Parameter retryMilliseconds: the time until another attempt to write; nil if none is needed.
    mutating func begin(retryMilliseconds: Int64?) {
        if let retryMilliseconds {
            phase = .attempt(after: retryMilliseconds)
        } else {
            phase = crowd > 0 ? .firstOfMany : .record
        }
    }

    /// The longest wait of the phase, in nanoseconds; nil if it ends with a signal only.
    var nanosecondsMax: Int64? {
        switch phase {
        case .record, .firstOfMany: nil
        case .others: Self.waitMax
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
            if step == .commit { learn(batch.records.count) }
            return step
        case .firstOfMany:
            guard queue.waitingCount > 0 || queue.isClosing else { return nil }
            phase = .others
            queue.wakeCount = Self.countMax
            return look(&queue, &batch, isTimeUp: false) ?? .otherPhase
        case .others:
            let isComplete = queue.waitingCount >= Self.countMax || queue.isDue || queue.isClosing
            guard isComplete || isTimeUp else { return nil }
            queue.wakeCount = 1
            // Only the writer empties the queue, so something is there.
            guard let step = Self.take(&queue, &batch) else {
                phase = .record
                return .otherPhase
            }
            if step == .commit { learn(batch.records.count) }
            return step
        case .attempt(let milliseconds):
            return Self.take(&queue, &batch) ?? (isTimeUp ? .attempt(after: milliseconds) : nil)
        }
    }

    private mutating func learn(_ recordCount: Int) {
        crowd = recordCount >= Self.crowdMin ? Self.crowdCount : max(0, crowd - 1)
    }

    private static func take(_ queue: inout JournalQueue, _ batch: inout JournalQueue.Batch) -> Step? {
        queue.take(&batch) ? .commit : queue.isClosing ? .end : nil
    }
}
