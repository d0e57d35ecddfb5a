package import Encoding
package import Journal
package import Platform
package import Revocation
import Synchronization

/// A ledger that several nodes write through an engine.
///
/// What it acknowledges is durable on the engine, and this node has it too. Everything that this node has is also in a
/// copy on its disk: lookups go on while the engine is away, and the node sends an engine again what it has lost.
package final class StoreLedger: Ledger, LedgerFiles {
    package let head: LedgerHead
    package let followers: FileFollowers
    private let mirror: StoreMirror
    private let queue: StoreQueue
    private let refusals: StoreRefusals
    private let writer: StoreWriter
    private let follower: StoreFollower
    private let peers: StorePeers
    private let options: StoreOptions
    private let status: StoreStatus
    private let arbiter = RotationArbiter()
    private let threads = Mutex<[Thread]>([])
    private let isClosed = Atomic<Bool>(false)

    init(
        mirror: StoreMirror, queue: StoreQueue, refusals: StoreRefusals, writer: StoreWriter, follower: StoreFollower,
        peers: StorePeers, status: StoreStatus, options: StoreOptions
    ) {
        self.mirror = mirror
        self.queue = queue
        self.refusals = refusals
        self.writer = writer
        self.follower = follower
        self.peers = peers
        self.status = status
        self.options = options
        head = mirror.head
        followers = mirror.followers
    }

    package var now: UnixMilliseconds { mirror.clock.now }
    package var isShared: Bool { true }
    package var keepsFailedRevocations: Bool { true }
    package var mayLackRotations: Bool {
        let since = mirror.epochBegan
        return since != .min && options.monotonicNow() &- since < Self.mergeMilliseconds
    }
    /// How long a start waits for an engine that is slow to answer, in milliseconds.
    private static let startPatience: Int64 = 5_000
    /// Milliseconds between two looks at whether a caller has waited for too long.
    private static let answerPause: Int64 = 50
    /// How long other nodes get to send a new epoch what they know, in milliseconds.
    private static let mergeMilliseconds: Int64 = 30_000
    package var isWritable: Bool { queue.mode.sends }
    package var takesEverything: Bool { queue.takesEverything(at: options.monotonicNow()) }
    /// The nodes by the last answer of the engine, this one included.
    package var nodes: [NodeReport] { peers.nodes }

    package func knows(_ position: LedgerPosition) -> Bool {
        position.epoch == head.epoch || followers.epochs.number(of: position) != nil
    }

    package func append(_ events: [RevocationEvent], _ done: @escaping Completion) {
        let isRevocation = events.allSatisfy(\.isRevocation)
        add(.append(events.flatMap(RevocationCodec.records), isRevocation: isRevocation), .stamp(done))
    }

    package func advance(
        _ request: Advance, _ done: @escaping @Sendable (Result<AdvanceVerdict, RevocationError>) -> Void
    ) {
        if request.isQuestion { return add(.advance(request), .verdict(done)) }
        // Two of one session in one batch would be one in doubt for the other.
        let isFirst = arbiter.begin(request.sid) { [self] in advance(request, done) }
        guard isFirst else { return }
        add(
            .advance(request),
            .verdict { [arbiter] verdict in
                done(verdict)
                arbiter.end(request.sid)
            })
    }

    private func add(_ work: StoreTask.Work, _ answer: StoreTask.Answer) {
        let now = options.monotonicNow()
        queue.add(StoreTask(work, answer, asked: now, timeout: options.timeout), at: now)
    }

    package func close() {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        queue.close()
        for thread in threads.withLock({ threads in
            defer { threads = [] }
            return threads
        }) { thread.join() }
        if options.pace == .stepped { endWriter() }
        follower.close()
        mirror.writeBehind()
        followers.close()
        mirror.copy.close()
    }
}

// The data of sessions, which is only in the engine.
extension StoreLedger {
    /// Reads the data of a session.
    ///
    /// - Parameter done: gets `data`, or `rejected` for a session that has ended.
    package func readData(
        sid: UUID, _ done: @escaping @Sendable (Result<StepOutcome, RevocationError>) -> Void
    ) {
        add(.readData(.readData(sid: sid)), .outcome(done))
    }

    /// Writes the data of a session, if it has the expected revision.
    ///
    /// - Parameter done: gets `stored`, `conflict`, or `rejected` for a session that has ended.
    package func writeData(
        _ write: SessionDataWrite, _ done: @escaping @Sendable (Result<StepOutcome, RevocationError>) -> Void
    ) {
        add(.writeData(.writeData(write)), .outcome(done))
    }
}

// The files of the copy.
extension StoreLedger {
    package var storedSeq: UInt64 { mirror.copy.durableSeq }
    package var extent: JournalExtent { mirror.copy.extent }

    package func read(
        upTo last: UInt64, begin: (UInt64) -> Void, batch: ([JournalRecord]) -> Void
    ) throws(JournalError) {
        try mirror.settle()
        try mirror.copy.read(upTo: last, begin: begin, batch: batch)
    }

    package func compact(keeping filter: any CompactionFilter) throws(JournalError) -> CompactionReport {
        try mirror.settle()
        return try mirror.copy.compact(filter)
    }
}

// What drives it.
extension StoreLedger {
    func start() throws(ThreadError) {
        let writing = try Thread(name: "store") { [weak self] in self?.write() }
        threads.withLock { $0.append(writing) }
        let following = try Thread(name: "store-tail") { [weak self] in self?.follow() }
        threads.withLock { $0.append(following) }
        let answering = try Thread(name: "store-wait") { [weak self] in self?.answer() }
        threads.withLock { $0.append(answering) }
    }

    private func write() {
        let turn = Platform.Turn(collectsLines: false)
        turn.begin()
        defer { turn.finish() }
        while !queue.isClosing {
            let pause = writer.turn()
            turn.end()
            if pause > 0 { queue.wait(milliseconds: pause) }
        }
        endWriter()
    }

    private func endWriter() {
        writer.finish()
        // What the engine has acknowledged reaches this node with a last look at its log.
        if options.pace == .stepped { _ = follower.turn() }
        for task in mirror.acks.takeAll() { task.fail(.closed) }
        writer.engine.disconnect()
    }

    private func follow() {
        let turn = Platform.Turn(collectsLines: false)
        turn.begin()
        defer { turn.finish() }
        let idle = ConditionLock(())
        while !queue.isClosing {
            let pause = follower.turn()
            turn.end()
            mirror.writeBehind()
            // Not for long, so that it goes on soon after the thread of the engine is through again.
            if pause > 0 { _ = idle.wait(atMost: min(pause, 50) &* 1_000_000) { _ -> Void? in nil } }
        }
    }

    /// Answers callers in time, also while the two other threads connect, read or tell something.
    private func answer() {
        let turn = Platform.Turn(collectsLines: false)
        turn.begin()
        defer { turn.finish() }
        let idle = ConditionLock(())
        while !queue.isClosing {
            let now = options.monotonicNow()
            refusals.answerExpired(at: now)
            refusals.answerKept()
            mirror.acks.answerExpired(at: now)
            turn.end()
            _ = idle.wait(atMost: Self.answerPause &* 1_000_000) { _ -> Void? in nil }
        }
    }

    /// Does one turn of each half of a ledger that was opened with `pace: .stepped`.
    package func step() {
        _ = writer.turn()
        _ = follower.turn()
        mirror.writeBehind()
    }

    /// Connects and catches up, as far as the engine answers.
    ///
    /// - Throws: what only an operator can change.
    func begin() throws(RevocationError) {
        // The report of a node that has just died counts for some seconds.
        let patience = options.monotonicNow().saturatingAdd(options.pace == .threads ? 5_000 : 0)
        for _ in 0..<100 {
            _ = writer.turn(patience: Self.startPatience)
            if case .rejected(let reason, let remedy) = writer.rejection {
                throw .unavailable(reason: "\(reason). \(remedy)")
            }
            if status.holds(.nameTaken), options.monotonicNow() < patience {
                Thread.sleep(milliseconds: 500)
                continue
            }
            if status.holds(.nameTaken), let taken = status.conditions.first(where: { $0.condition == .nameTaken }) {
                throw .unavailable(reason: taken.text)
            }
            if status.holds(.unavailable) || follower.catchUp() { return }
        }
    }
}

extension StoreLedger {
    /// How often a connection has been tried.
    package var attemptCount: Int { writer.attemptCount }
}
