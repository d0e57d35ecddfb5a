internal import Glibc
internal import Synchronization

/// What appending threads and the writer thread share.
final class WriterCore: Sendable {
    let queue: Monitor<JournalQueue>
    let durableSeq: Atomic<UInt64>
    let isWritable = Atomic<Bool>(true)
    /// Number of the segment that is being written; the ones before it never change any more.
    let activeSegment = Atomic<UInt64>(0)
    let statistics = Mutex(JournalStatistics())

    init(queue: JournalQueue, durableSeq: UInt64) {
        self.queue = Monitor(queue)
        self.durableSeq = Atomic(durableSeq)
    }
}

/// The writer thread's work: take what queued, write it, say so, sleep.
///
/// `@unchecked Sendable` holds because one thread uses it at a time: the one that opens the journal until it starts the
/// writer thread, and that one from then on.
final class CommitLoop: @unchecked Sendable {
    private let core: WriterCore
    private var segments: SegmentWriter
    private var batch = JournalQueue.Batch()

    init(core: WriterCore, segments: consuming SegmentWriter) {
        self.core = core
        self.segments = segments
    }

    /// Commits what stands in the queue now.
    func commitQueued() throws(JournalFault) {
        guard core.queue.withLock({ $0.take(&batch) }) else { return }
        try commitBatch()
    }

    /// Returns when the writer is closed and everything queued before is durable or given up.
    func run() {
        while core.queue.wait(until: { $0.take(&batch) ? true : $0.isClosing ? false : nil }) {
            do throws(JournalFault) {
                try commitBatch()
            } catch {
                poison(error)
            }
        }
        segments.close()
    }

    private func commitBatch() throws(JournalFault) {
        var start = 0
        while start < batch.records.count {
            let range = segments.chunk(of: batch.records, from: start)
            let began = monotonicNanoseconds()
            try segments.commit(batch.records[range], durableSeq: core.durableSeq.load(ordering: .relaxed))
            let elapsed = monotonicNanoseconds() &- began
            if let number = segments.activeNumber { core.activeSegment.store(number, ordering: .releasing) }
            core.statistics.withLock { $0.count(recordCount: range.count, nanoseconds: elapsed) }
            start = range.upperBound
            answer(upTo: batch.records[start - 1].seq)
        }
    }

    private func answer(upTo seq: UInt64) {
        core.durableSeq.store(seq, ordering: .releasing)
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

    private func poison(_ fault: JournalFault) {
        let reason = JournalFault.unwritable(reason: fault.description)
        core.isWritable.store(false, ordering: .releasing)
        let orphans = core.queue.withLock { $0.poison(reason) }
        for completion in batch.completions.dropFirst(batch.answeredCount) { completion.done(.failure(reason)) }
        for done in orphans { done(.failure(reason)) }
        batch.removeAll()
    }
}

/// CLOCK_MONOTONIC.
private func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(clamping: time.tv_sec) &* 1_000_000_000 &+ UInt64(clamping: time.tv_nsec)
}
