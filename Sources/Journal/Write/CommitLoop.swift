internal import CLinux
internal import Encoding
internal import Glibc
internal import Platform
internal import Synchronization

/// The state that appending threads and the writer thread share.
final class WriterCore: TurnTask, RestTask {
    let queue: ConditionLock<JournalQueue>
    let durable: DurableSequence
    /// Whether records may wait for a commit. It is set under the lock of the queue.
    let isAwaited = Atomic<Bool>(false)
    let isWritable = Atomic<Bool>(true)
    /// Whether only records that may use the reserve are accepted, because it is in use.
    let isUsingReserve = Atomic<Bool>(false)
    /// Why it is not writable.
    let condition = Mutex<JournalCondition?>(nil)
    /// The number of the segment that is being written; the ones before it never change.
    let activeSegment = Atomic<UInt64>(0)
    let statistics = Mutex(JournalStatistics())

    init(queue: JournalQueue, durableSeq: UInt64) {
        self.queue = ConditionLock(queue)
        durable = DurableSequence(durableSeq)
    }

    /// Wakes the writer for the records of a turn, if there are as many as it waits for.
    func endTurn() {
        if queue.withLock({ $0.wakesWriter }) { queue.signal() }
    }

    var awaitsRest: Bool { isAwaited.load(ordering: .relaxed) }

    /// Lets the writer commit what waits, because the calling thread adds nothing to it for now.
    func rest() {
        let wakes = queue.withLock { queue in
            if queue.waitingCount == 0 { isAwaited.store(false, ordering: .relaxed) }
            return queue.noteRest()
        }
        if wakes { queue.signal() }
    }
}

/// The work of the writer thread: it removes queued records, writes them, reports the result, and sleeps.
///
/// `@unchecked Sendable` is safe because only one thread uses it at a time: the thread that opens the journal until it
/// starts the writer thread, and the writer thread from then on.
final class CommitLoop: @unchecked Sendable {
    let core: WriterCore
    private var segments: SegmentWriter
    var batch = JournalQueue.Batch()
    private var reserve: ReserveFile
    private let options: JournalOptions
    /// How long to wait before the next attempt to write again; nil if no attempt is needed or useful.
    private(set) var retryMilliseconds: Int64?
    /// A client that sends sequential requests sends the next one soon after the response.
    private var patience = AdaptiveSpin(limit: clinux_processors() > 1 ? 250_000 : 0)
    var wait = WriterWait()

    init(
        core: WriterCore, segments: consuming SegmentWriter, storage: any JournalStorage, options: JournalOptions
    ) {
        self.core = core
        reserve = ReserveFile(storage, byteCount: options.reserveByteCount)
        self.options = options
        self.segments = segments
    }

    /// Commits the queued records. A failure of the first write is final, so that the start fails immediately and not
    /// after the remaining space has been used up.
    func commitQueued() throws(JournalError) {
        reserve.find()
        guard core.queue.withLock({ $0.take(&batch) }) else { return }
        try commitBatch(isFinal: true)
        do throws(JournalError) {
            if retryMilliseconds == nil { try reserve.hold() }
        } catch {
            if error.isFullDisk {
                core.isUsingReserve.store(true, ordering: .releasing)
                retryMilliseconds = options.retryMilliseconds.lowerBound
            }
            options.observe(.reserveMissing(reason: error.description))
        }
    }

    /// Returns when the writer is closed and everything queued before is durable or has failed.
    func run() {
        // The threads that wait for records of a batch are woken once, after all its completions.
        let turn = Platform.Turn(collectsLines: false)
        turn.begin()
        clinux_set_exact_timers()
        defer { turn.finish() }
        while make(nextStep()) { turn.end() }
    }

    /// Does one turn of ``run()`` without waiting; a postponed attempt is made immediately.
    ///
    /// - Returns: false if there is nothing to do.
    func step() -> Bool {
        wait.begin(retryMilliseconds: retryMilliseconds)
        while true {
            let step = core.queue.withLock { wait.look(&$0, &batch, isTimeUp: true) }
            guard let step else { return false }
            if step != .otherPhase { return make(step) }
        }
    }

    /// Does one turn.
    ///
    /// - Returns: whether another turn may follow.
    func make(_ step: WriterWait.Step) -> Bool {
        switch step {
        case .commit:
            do throws(JournalError) {
                try commitBatch()
            } catch {
                fail(error)
            }
        case .attempt(let milliseconds): retry(after: milliseconds)
        case .end:
            segments.close()
            return false
        case .otherPhase: break
        }
        return true
    }

    /// Sleeps until there is something to do.
    private func nextStep() -> WriterWait.Step {
        wait.begin(retryMilliseconds: retryMilliseconds)
        while true {
            var step: WriterWait.Step?
            if let nanoseconds = wait.nanosecondsMax {
                step = core.queue.wait(atMost: nanoseconds) { wait.look(&$0, &batch, isTimeUp: false) }
                if step == nil { step = core.queue.withLock { wait.look(&$0, &batch, isTimeUp: true) } }
            } else {
                step = core.queue.wait(&patience) { wait.look(&$0, &batch, isTimeUp: false) }
            }
            if let step, step != .otherPhase { return step }
        }
    }

    private func commitBatch(isFinal: Bool = false) throws(JournalError) {
        var start = 0
        while start < batch.records.count {
            let range = segments.chunk(of: batch.records, from: start)
            do throws(JournalError) {
                try commit(batch.records[range])
            } catch {
                if isFinal {
                    guard useReserve(for: error) else { throw error }
                    try rewrite(range, after: error)
                } else {
                    do throws(JournalError) {
                        try rewrite(range, after: error)
                    } catch {
                        guard useReserve(for: error) else { throw error }
                        try rewrite(range, after: error)
                    }
                }
                options.observe(.rewritten(reason: error.description))
            }
            options.deliver(batch.records[range])
            start = range.upperBound
            answer(upTo: batch.records[start - 1].seq)
        }
        // Before the event loops are woken. Each then releases what it allocated itself, which costs the least.
        batch.releaseCompletions()
    }

    private func rewrite(_ range: Range<Int>, after fault: JournalError) throws(JournalError) {
        // It is unknown what part of it is on disk, and a second sync of the same pages could wrongly report success.
        try segments.abandon(after: core.durable.value, for: fault)
        try segments.checkPlace()
        try commit(batch.records[range])
    }

    /// Releases the reserve if that helps; from now on only records that may use it are accepted.
    private func useReserve(for fault: JournalError) -> Bool {
        guard fault.isFullDisk, reserve.giveUp() else { return false }
        core.isUsingReserve.store(true, ordering: .releasing)
        retryMilliseconds = options.retryMilliseconds.lowerBound
        options.observe(.reserveUsed(reason: fault.description))
        return true
    }

    /// Allocates the reserve again if there is enough space by now.
    private func regain(after milliseconds: Int64) {
        do throws(JournalError) {
            try reserve.hold()
        } catch {
            return retryMilliseconds = min(milliseconds &* 2, options.retryMilliseconds.upperBound)
        }
        retryMilliseconds = nil
        segments.resumePreallocation()
        core.isUsingReserve.store(false, ordering: .releasing)
        options.observe(.reserveHeld)
    }

    private func commit(_ records: ArraySlice<JournalRecord>) throws(JournalError) {
        let began = monotonicNanoseconds()
        do throws(JournalError) {
            try segments.commit(records, durableSeq: core.durable.value)
        } catch {
            core.statistics.withLock { $0.failureCount &+= 1 }
            throw error
        }
        let elapsed = monotonicNanoseconds() &- began
        if let number = segments.activeNumber { core.activeSegment.store(number, ordering: .releasing) }
        core.statistics.withLock { $0.count(recordCount: records.count, nanoseconds: elapsed) }
    }

    /// Begins a new segment if the disk allows it by now.
    private func retry(after milliseconds: Int64) {
        if core.isWritable.load(ordering: .acquiring) { return regain(after: milliseconds) }
        let durableSeq = core.durable.value
        let store = segments.store
        let opening = core.queue.withLock { $0.opening(after: durableSeq, store) }
        do throws(JournalError) {
            try segments.checkPlace()
            try commit([opening])
        } catch {
            if error.isFinal { return retryMilliseconds = nil }
            return retryMilliseconds = min(milliseconds &* 2, options.retryMilliseconds.upperBound)
        }
        let isUsingReserve = core.isUsingReserve.load(ordering: .relaxed)
        retryMilliseconds = isUsingReserve ? options.retryMilliseconds.lowerBound : nil
        if !isUsingReserve { segments.resumePreallocation() }
        core.condition.withLock { $0 = nil }
        options.deliver([opening])
        core.durable.advance(to: opening.seq)
        core.queue.withLock { $0.recover(after: opening) }
        core.isWritable.store(!core.queue.withLock { $0.isClosing }, ordering: .releasing)
        options.observe(.healed)
    }

    private func answer(upTo seq: UInt64) {
        core.queue.withLock { $0.expectMore() }
        core.durable.advance(to: seq)
        while batch.answeredCount < batch.completions.count {
            let completion = batch.completions[batch.answeredCount]
            guard completion.position.seq <= seq else { break }
            batch.answeredCount += 1
            completion.done(.success(completion.position))
        }
        for waiter in core.queue.withLock({ $0.takeWaiters(upTo: seq) }) {
            waiter.done(.success(JournalPosition(seq: waiter.seq, time: 0)))
        }
    }

    private func fail(_ fault: JournalError) {
        let reason = JournalError.unwritable(reason: fault.description)
        core.condition.withLock { $0 = JournalCondition(fault) }
        core.isWritable.store(false, ordering: .releasing)
        let orphans = core.queue.withLock { $0.fail(reason) }
        for completion in batch.completions.dropFirst(batch.answeredCount) { completion.done(.failure(reason)) }
        for done in orphans { done(.failure(reason)) }
        batch.removeAll()
        if fault.isFinal {
            // The acknowledged records are lost with the file, and a new one would hide that.
            retryMilliseconds = nil
        } else {
            retryMilliseconds = options.retryMilliseconds.lowerBound
        }
        options.observe(.unwritable(reason: fault.description))
    }
}

/// Returns CLOCK_MONOTONIC in nanoseconds.
private func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(clamping: time.tv_sec) &* 1_000_000_000 &+ UInt64(clamping: time.tv_nsec)
}
