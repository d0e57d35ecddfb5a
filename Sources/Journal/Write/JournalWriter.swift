package import Encoding
package import Platform
internal import Synchronization

/// Makes records durable: all records that are queued during one sync are written together in the next write.
///
/// A separate thread writes. After a failed write or sync nothing is acknowledged from that file any more: the data may
/// or may not be on disk, and a second sync of the same pages could wrongly report success.
package final class JournalWriter: Sendable {
    package typealias Completion = @Sendable (Result<JournalPosition, JournalError>) -> Void

    let core: WriterCore
    let storage: any JournalStorage
    package let store: UUID
    let options: JournalOptions
    /// The kinds of record that the files may contain.
    let kinds: RecordKinds
    let compacted: Mutex<CompactedBase>
    let compacting = Mutex(())
    private let thread: Mutex<Thread?>
    /// Nil if a thread makes the turns.
    let steps: CommitLoop?
    /// Nil unless that thread is simulated.
    private let sleep: SimulatedSleep?
    var isSimulated: Bool { sleep != nil }
    private let isClosed = Atomic<Bool>(false)
    /// The result of opening the journal.
    package let report: JournalReport

    /// Writes the salvaged records again and an OPEN record, which also proves that the directory is writable.
    init(
        core: WriterCore, loop: CommitLoop, storage: any JournalStorage, store: UUID, options: JournalOptions,
        kinds: RecordKinds, report: JournalReport, snapshot: Snapshot?
    ) throws(JournalError) {
        self.core = core
        self.storage = storage
        self.store = store
        self.options = options
        self.kinds = kinds
        self.report = report
        compacted = Mutex(CompactedBase(snapshot))
        switch options.pace {
        case .thread:
            (steps, sleep) = (nil, nil)
            thread = Mutex(try JournalError.thread("journal") { loop.run() })
        case .stepped:
            (steps, sleep) = (loop, nil)
            thread = Mutex(nil)
        case .simulated(let schedule):
            (steps, sleep) = (loop, SimulatedSleep(schedule: schedule))
            thread = Mutex(nil)
        }
    }

    deinit { close() }

    /// Every record up to this one is on stable storage.
    package var durableSeq: UInt64 { core.durable.value }

    /// The same for readers that ask often.
    package var durable: DurableSequence { core.durable }

    /// The last record with a position.
    package var lastSeq: UInt64 { core.queue.withLock { $0.lastSeq } }

    /// Milliseconds since 1970, never decreasing, not even across restarts.
    package var now: UnixMilliseconds { core.queue.withLock { $0.now() } }

    package var isWritable: Bool { core.isWritable.load(ordering: .acquiring) }

    /// Whether all records are accepted, not only those that may use the reserve.
    package var takesEverything: Bool { isWritable && !core.isUsingReserve.load(ordering: .acquiring) }

    /// Why the journal is impaired; nil if it is not.
    package var condition: JournalCondition? {
        if let condition = core.condition.withLock({ $0 }) { return condition }
        return core.isUsingReserve.load(ordering: .acquiring) ? .lowSpace : nil
    }

    /// Why no records are accepted any more.
    package var fault: JournalError? { core.queue.withLock { $0.fault } }

    package var statistics: JournalStatistics { core.statistics.withLock { $0 } }

    /// Assigns the record its position and time, queues it and returns immediately.
    ///
    /// - Parameters:
    ///   - mayUseReserve: whether the record is accepted on a full disk, while the reserve is in use.
    ///   - done: runs once, on the writer thread when the record is durable or has failed, or on the thread of the caller
    ///     before this returns if the record is not accepted. It must return quickly and must not wait for the journal.
    package func append(_ record: JournalRecord, mayUseReserve: Bool, _ done: @escaping Completion) {
        append(contentsOf: [record], mayUseReserve: mayUseReserve, done)
    }

    /// Assigns the records consecutive positions; `done` runs once, with the position of the last.
    package func append(
        contentsOf records: [JournalRecord], mayUseReserve: Bool, _ done: @escaping Completion
    ) {
        if !mayUseReserve, core.isUsingReserve.load(ordering: .acquiring) {
            return done(
                .failure(.unwritable(reason: "the disk is full, and the remaining space is reserved for revocations")))
        }
        var (waitingCount, wakes) = (0, false)
        let fault: JournalError? = core.queue.withLock { queue in
            if let fault = queue.fault { return fault }
            if let position = queue.push(records) { queue.call(done, after: position) }
            core.isAwaited.store(true, ordering: .relaxed)
            (waitingCount, wakes) = (queue.waitingCount, queue.wakesWriter)
            return nil
        }
        if let fault { return done(.failure(fault)) }
        guard let turn = Turn.current else {
            // Such a thread does not say when it rests.
            return core.rest()
        }
        turn.beforeRest(core)
        guard wakes else { return }
        if waitingCount < Self.waitingMax { turn.atEnd(core) } else { core.queue.signal() }
    }

    /// The number of waiting records from which on the writer is woken within a turn.
    private static let waitingMax = 32

    /// Runs `done` when record `seq` is durable; if it already is, immediately on the thread of the caller.
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

    /// Writes a text for processes that find the journal locked.
    package func announce(_ text: String) { storage.announce(text) }

    /// Does one turn of a stepped writer: commits what is queued, or tries to write again.
    ///
    /// - Returns: false if there was nothing to do.
    package func step() -> Bool {
        guard let steps else { return false }
        guard let sleep else { return steps.step() }
        return steps.step(sleep)
    }

    /// Makes everything queued durable, seals the segment, ends the thread and releases the lock. Later calls do
    /// nothing.
    ///
    /// It must not be called from a completion.
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
