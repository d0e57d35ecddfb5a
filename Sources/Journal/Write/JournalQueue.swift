internal import Encoding
internal import Platform

/// Records that wait for the next commit, and who waits for them. Pure: no thread, no I/O.
struct JournalQueue {
    typealias Completion = @Sendable (Result<JournalPosition, JournalError>) -> Void

    private(set) var lastSeq: UInt64
    private(set) var lastTime: Int64
    /// What the clock said last; may be less than ``lastTime``.
    private var lastReading: Int64
    /// What the clock and this queue said when the clock was last set back.
    private var setBack: (reading: Int64, time: Int64)
    /// Why nothing is taken any more.
    private(set) var fault: JournalError?
    private(set) var isClosing = false
    private var batch = Batch()
    private var waiters: [(seq: UInt64, done: Completion)] = []
    /// The place that the current segment keeps for its seal.
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
            completions.removeAll(keepingCapacity: true)
            answeredCount = 0
        }
    }

    init(lastSeq: UInt64, lastTime: Int64, options: JournalOptions) {
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

    /// Milliseconds since 1970, never going backwards.
    ///
    /// While it is ahead of a clock that was set back it goes on at half the clock's pace: a time that stood still would
    /// stretch every grace time until the clock has caught up, and one at full pace would never be caught up with.
    mutating func now() -> Int64 {
        let reading = clock.now
        if reading < lastReading { setBack = (reading, lastTime) }
        lastReading = reading
        lastTime = max(lastTime, reading, setBack.time &+ (reading &- setBack.reading) / 2)
        return lastTime
    }

    /// Gives the record its place and time.
    /// - Returns: nil if nothing is taken any more; ``fault`` says why.
    mutating func push(_ record: JournalRecord) -> JournalPosition? {
        guard fault == nil else { return nil }
        _ = now()
        if lastSeq &+ 1 == sealSeq {
            place(Self.seal)
            sealSeq = lastSeq &+ segmentRecordCount
        }
        place(record)
        return JournalPosition(seq: lastSeq, time: lastTime)
    }

    mutating func call(_ done: @escaping Completion, after position: JournalPosition) {
        batch.completions.append((position, done))
    }

    mutating func call(_ done: @escaping Completion, whenDurable seq: UInt64) {
        waiters.append((seq, done))
    }

    /// Ends the segment early and begins the next one with an OPEN record.
    /// - Returns: that record's place; nil if nothing is taken any more.
    mutating func roll(_ store: UUID) -> JournalPosition? {
        guard fault == nil else { return nil }
        _ = now()
        place(Self.seal)
        sealSeq = lastSeq &+ segmentRecordCount
        place(.opening(store, note))
        return JournalPosition(seq: lastSeq, time: lastTime)
    }

    /// The last record of all, and nothing after it.
    mutating func close() {
        guard !isClosing else { return }
        isClosing = true
        guard fault == nil else { return }
        _ = now()
        place(Self.seal)
        fault = .closed
    }

    /// Exchanges what waits for the emptied `taken`, so that both keep their capacity.
    /// - Returns: false if nothing waits.
    mutating func take(_ taken: inout Batch) -> Bool {
        guard !batch.isEmpty else { return false }
        taken.removeAll()
        swap(&batch, &taken)
        return true
    }

    mutating func takeWaiters(upTo durableSeq: UInt64) -> [(seq: UInt64, done: Completion)] {
        guard !waiters.isEmpty else { return [] }
        let ready = waiters.filter { $0.seq <= durableSeq }
        waiters.removeAll { $0.seq <= durableSeq }
        return ready
    }

    /// Takes no more, and gives up what waits.
    mutating func fail(_ reason: JournalError) -> [Completion] {
        fault = reason
        let orphans = batch.completions.map(\.done) + waiters.map(\.done)
        batch.removeAll()
        waiters.removeAll()
        return orphans
    }

    /// What a new segment begins with after a failure: the record after the last that is durable.
    mutating func opening(after durableSeq: UInt64, _ store: UUID) -> JournalRecord {
        _ = now()
        var record = JournalRecord.opening(store, note)
        record.seq = durableSeq &+ 1
        record.time = lastTime
        return record
    }

    /// Takes records again, after the one that begins a new segment. The places of those that were given up are given
    /// again: nobody was told of them.
    mutating func revive(after opening: JournalRecord) {
        guard !isClosing else { return }
        fault = nil
        lastSeq = opening.seq
        sealSeq = opening.seq &- 1 &+ segmentRecordCount
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
