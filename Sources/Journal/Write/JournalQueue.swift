internal import Encoding
internal import Platform

/// The records that wait for the next commit, and their completions. It has no thread and does no I/O.
struct JournalQueue {
    typealias Completion = @Sendable (Result<JournalPosition, JournalError>) -> Void

    private(set) var lastSeq: UInt64
    private(set) var lastTime: UnixMilliseconds
    /// The last reading of the clock; it can be less than ``lastTime``.
    private var lastReading: UnixMilliseconds
    /// The clock reading and the time of this queue when the clock was last set back.
    private var setBack: (reading: UnixMilliseconds, time: UnixMilliseconds)
    /// Why no records are accepted any more.
    private(set) var fault: JournalError?
    private(set) var isClosing = false
    /// The number of records that the writer waits for.
    var wakeCount = 1
    /// Whether a thread that adds records has none left to add to those that wait; false if none wait. The writer was
    /// signaled when it became true.
    private(set) var isDue = false
    private var batch = Batch()
    private var waiters: [(seq: UInt64, done: Completion)] = []
    /// The sequence number that the current segment reserves for its seal.
    private var sealSeq: UInt64
    private let segmentRecordCount: UInt64
    private let clock: WallClock
    private let note: OpeningNote

    /// What one turn of the writer makes durable.
    struct Batch {
        var records: [JournalRecord] = []
        var completions: [(position: JournalPosition, done: Completion)] = []
        /// How many of the completions were called.
        var answeredCount = 0

        var isEmpty: Bool { records.isEmpty && completions.isEmpty }

        mutating func removeAll() {
            records.removeAll(keepingCapacity: true)
            releaseCompletions()
        }

        /// Removes the completions, which must have been called.
        mutating func releaseCompletions() {
            completions.removeAll(keepingCapacity: true)
            answeredCount = 0
        }
    }

    init(lastSeq: UInt64, lastTime: UnixMilliseconds, options: JournalOptions) {
        precondition(options.segmentRecordCount >= 2, "a segment holds a record and its seal")
        self.lastSeq = lastSeq
        self.lastTime = lastTime
        segmentRecordCount = options.segmentRecordCount
        sealSeq = lastSeq &+ segmentRecordCount
        clock = options.clock
        note = options.note
        lastReading = clock.now
        setBack = (lastReading, lastTime)
    }

    /// Returns the current time, never decreasing.
    ///
    /// While it is ahead of a clock that was set back, it advances at half the speed of the clock. If it stood still,
    /// every grace period would last until the clock has caught up; at full speed, the clock would never catch up.
    mutating func now() -> UnixMilliseconds {
        let reading = clock.now
        if reading < lastReading { setBack = (reading, lastTime) }
        lastReading = reading
        let advance = reading.milliseconds(since: setBack.reading) / 2
        lastTime = max(lastTime, reading, setBack.time.adding(milliseconds: advance))
        return lastTime
    }

    /// Assigns the record its position and time, and queues it.
    ///
    /// - Returns: nil if no records are accepted any more; ``fault`` gives the reason.
    mutating func push(_ record: JournalRecord) -> JournalPosition? { push([record]) }

    /// Assigns records consecutive positions. Those of a pair are also in one segment, so that no seal is between them.
    ///
    /// - Returns: the position of the last.
    mutating func push(_ records: [JournalRecord]) -> JournalPosition? {
        guard fault == nil else { return nil }
        _ = now()
        if records.count == 2, segmentRecordCount > 2, sealSeq &- lastSeq <= 2 { seal() }
        for record in records {
            if lastSeq &+ 1 == sealSeq { seal() }
            place(record)
        }
        return JournalPosition(seq: lastSeq, time: lastTime)
    }

    /// The number of records that wait for the next commit.
    var waitingCount: Int { batch.records.count }

    /// Whether there are as many records as the writer waits for.
    var wakesWriter: Bool { waitingCount >= wakeCount || isClosing }

    /// Notes that a thread rests that adds records.
    ///
    /// - Returns: whether the writer has to know it.
    mutating func noteRest() -> Bool {
        guard waitingCount > 0, !isDue else { return false }
        isDue = true
        return true
    }

    /// Notes that clients get their responses and are about to send more.
    mutating func expectMore() { isDue = false }

    mutating func call(_ done: @escaping Completion, after position: JournalPosition) {
        batch.completions.append((position, done))
    }

    mutating func call(_ done: @escaping Completion, whenDurable seq: UInt64) {
        waiters.append((seq, done))
    }

    /// Ends the segment early and begins the next one with an OPEN record.
    ///
    /// - Returns: the position of that record; nil if no records are accepted any more.
    mutating func roll(_ store: UUID) -> JournalPosition? {
        guard fault == nil else { return nil }
        _ = now()
        seal()
        place(.opening(store, note))
        return JournalPosition(seq: lastSeq, time: lastTime)
    }

    /// Queues the final record; nothing is accepted after it.
    mutating func close() {
        guard !isClosing else { return }
        isClosing = true
        guard fault == nil else { return }
        _ = now()
        place(Self.seal)
        fault = .closed
    }

    /// Swaps the waiting records with the empty `taken`, so that both keep their capacity.
    ///
    /// - Returns: false if nothing waits.
    mutating func take(_ taken: inout Batch) -> Bool {
        guard !batch.isEmpty else { return false }
        taken.removeAll()
        swap(&batch, &taken)
        isDue = false
        return true
    }

    mutating func takeWaiters(upTo durableSeq: UInt64) -> [(seq: UInt64, done: Completion)] {
        guard !waiters.isEmpty else { return [] }
        let ready = waiters.filter { $0.seq <= durableSeq }
        waiters.removeAll { $0.seq <= durableSeq }
        return ready
    }

    /// Stops accepting records, and returns the completions of the waiting ones.
    mutating func fail(_ reason: JournalError) -> [Completion] {
        fault = reason
        let orphans = batch.completions.map(\.done) + waiters.map(\.done)
        batch.removeAll()
        waiters.removeAll()
        isDue = false
        return orphans
    }

    /// Returns the first record of a new segment after a failure, which follows the last durable record.
    mutating func opening(after durableSeq: UInt64, _ store: UUID) -> JournalRecord {
        _ = now()
        var record = JournalRecord.opening(store, note)
        record.seq = durableSeq &+ 1
        record.time = lastTime
        return record
    }

    /// Accepts records again after the first one of a new segment. The positions of failed records are reused, because
    /// no caller ever received them.
    mutating func recover(after opening: JournalRecord) {
        guard !isClosing else { return }
        fault = nil
        lastSeq = opening.seq
        sealSeq = opening.seq &- 1 &+ segmentRecordCount
    }

    /// Ends the segment.
    private mutating func seal() {
        place(Self.seal)
        sealSeq = lastSeq &+ segmentRecordCount
    }

    private mutating func place(_ record: JournalRecord) {
        lastSeq &+= 1
        var placed = record
        placed.seq = lastSeq
        placed.time = lastTime
        batch.records.append(placed)
    }

    private static let seal = JournalRecord(.seal, key: UUID(high: 0, low: 0), expires: 0)
}
