package import Encoding
import Platform
internal import Synchronization

/// Makes records durable: whatever queues during one sync goes out in the next write.
///
/// One thread of its own writes. After a failed write or sync nothing is acknowledged any more: what failed may be on
/// disk or not, and a second sync of the same pages would lie.
package final class JournalWriter: Sendable {
    package typealias Completion = @Sendable (Result<JournalPosition, JournalError>) -> Void

    let core: WriterCore
    let storage: any JournalStorage
    package let store: UUID
    let options: JournalOptions
    let compacted: Mutex<CompactedBase>
    let compacting = Mutex(())
    private let thread: Mutex<Thread?>
    /// Nil if a thread makes the turns.
    let steps: CommitLoop?
    private let isClosed = Atomic<Bool>(false)
    /// What the start found.
    package let report: JournalReport

    /// Writes the salvaged records again and an OPEN record, which also proves that the directory can be written.
    init(
        core: WriterCore, loop: CommitLoop, storage: any JournalStorage, store: UUID, options: JournalOptions,
        report: JournalReport, snapshot: Snapshot?
    ) throws(JournalError) {
        self.core = core
        self.storage = storage
        self.store = store
        self.options = options
        self.report = report
        compacted = Mutex(CompactedBase(snapshot))
        switch options.pace {
        case .thread:
            steps = nil
            thread = Mutex(try JournalError.thread("journal") { loop.run() })
        case .stepped:
            steps = loop
            thread = Mutex(nil)
        }
    }

    deinit { close() }

    /// Every record up to this one is on stable storage.
    package var durableSeq: UInt64 { core.durableSeq.load(ordering: .acquiring) }

    /// The last record that was given a place.
    package var lastSeq: UInt64 { core.queue.withLock { $0.lastSeq } }

    /// Milliseconds since 1970, never going backwards, restarts included.
    package var now: Int64 { core.queue.withLock { $0.now() } }

    package var isWritable: Bool { core.isWritable.load(ordering: .acquiring) }

    /// Whether more than refusals is taken.
    package var takesEverything: Bool { isWritable && !core.isSparing.load(ordering: .acquiring) }

    /// What stands in the way; nil if nothing does.
    package var condition: JournalCondition? {
        if let condition = core.condition.withLock({ $0 }) { return condition }
        return core.isSparing.load(ordering: .acquiring) ? .lowSpace : nil
    }

    /// Why nothing is taken any more.
    package var fault: JournalError? { core.queue.withLock { $0.fault } }

    package var statistics: JournalStatistics { core.statistics.withLock { $0 } }

    /// Gives the record its place and time, queues it and returns at once.
    ///
    /// - Parameter done: runs once, on the writer thread when the record is durable or failed; on the caller's, before
    ///   this returns, if nothing is taken any more. It must be short and must not wait for the journal.
    package func append(_ record: JournalRecord, _ done: @escaping Completion) {
        append(contentsOf: [record], done)
    }

    /// Gives the records consecutive places; `done` runs once, with the place of the last.
    package func append(contentsOf records: [JournalRecord], _ done: @escaping Completion) {
        if core.isSparing.load(ordering: .acquiring), records.contains(where: { !$0.isRefusal }) {
            return done(.failure(.unwritable(reason: "the disk is full, and what is left is kept for revocations")))
        }
        let fault: JournalError? = core.queue.withLock { queue in
            if let fault = queue.fault { return fault }
            var position: JournalPosition?
            for record in records { position = queue.push(record) }
            if let position { queue.call(done, after: position) }
            return nil
        }
        if let fault { return done(.failure(fault)) }
        core.queue.signal()
    }

    /// Runs `done` when record `seq` is durable: at once, on the caller's thread, if it is.
    package func whenDurable(_ seq: UInt64, _ done: @escaping @Sendable (Result<UInt64, JournalError>) -> Void) {
        enum Answer { case durable, failed(JournalError), later }
        let answer: Answer = core.queue.withLock { queue in
            if seq <= durableSeq { return .durable }
            if let fault = queue.fault, !queue.isClosing { return .failed(fault) }
            queue.call({ done($0.map { _ in seq }) }, whenDurable: seq)
            return .later
        }
        switch answer {
        case .durable: done(.success(seq))
        case .failed(let fault): done(.failure(fault))
        case .later: break
        }
    }

    /// What a process reads that finds the journal locked.
    package func announce(_ text: String) { storage.announce(text) }

    /// Makes one turn of a stepped writer: commits what is queued, or tries to write again.
    /// - Returns: false if there was nothing to do.
    package func step() -> Bool { steps?.step() ?? false }

    /// Makes everything queued durable, seals the segment, ends the thread and gives the lock back. Later calls do
    /// nothing.
    ///
    /// Not to be called from a completion.
    package func close() {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        core.queue.withLock { $0.close() }
        core.isWritable.store(false, ordering: .releasing)
        core.queue.signal()
        thread.withLock({ $0.take() })?.join()
        while step() {}
        compacting.withLock { _ in storage.unlock() }
    }
}
