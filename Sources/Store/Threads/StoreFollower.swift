import Journal
import Platform
import Revocation
import Synchronization

/// The work of the thread that reads the log of the engine.
///
/// `@unchecked Sendable` holds because one thread uses it at a time, as ``StoreWriter``.
final class StoreFollower: @unchecked Sendable {
    /// Milliseconds that an answer may be waited for while there is nothing new.
    static let wait: Int64 = 150
    /// Milliseconds between two notes of how old the knowledge is.
    private static let notePause: Int64 = 1_000
    /// Milliseconds to wait for the thread of the engine.
    private static let gatePause: Int64 = 10
    /// Milliseconds that records of the log wait for others of this node, and those for the log.
    private static let ownWait: Int64 = 5

    let tail: any StoreTail
    let mirror: StoreMirror
    private let queue: StoreQueue
    private let refusals: StoreRefusals
    private let status: StoreStatus
    let options: StoreOptions
    private let storage: any JournalStorage
    private var isConnected = false
    private var hasConnected = false
    private var isStopped = false
    /// Whether it has read up to the head since the start.
    private var hasCaughtUp = false
    private var nextAttempt = Int64.min
    /// When the log was read: with an engine that may forget, when the answer came; otherwise when it was asked.
    private var readAt: Int64 = 0
    /// ``StoreMirror/connectCount`` at the last attempt.
    private var connectCount = 0
    private var backOff = StoreBackOff()
    private var note: (any JournalFile)?
    private var notedAt: Int64?

    init(
        tail: any StoreTail, mirror: StoreMirror, queue: StoreQueue, refusals: StoreRefusals, status: StoreStatus,
        options: StoreOptions, storage: any JournalStorage
    ) {
        self.tail = tail
        self.mirror = mirror
        self.queue = queue
        self.refusals = refusals
        self.status = status
        self.options = options
        self.storage = storage
    }

    /// Reads until this node has everything.
    ///
    /// - Returns: false if something else is to be done first, or the engine does not answer.
    func catchUp() -> Bool {
        while !isStopped, !mirror.needsLoad {
            let before = (mirror.position, hasCaughtUp)
            _ = turn(wait: 0)
            if hasCaughtUp { return true }
            if mirror.position == before.0 { return false }
        }
        return false
    }

    /// Reads what has come.
    ///
    /// - Returns: for how many milliseconds not to ask again.
    func turn() -> Int64 { turn(wait: options.pace == .threads ? Self.wait : 0) }

    private func turn(wait: Int64) -> Int64 {
        if isStopped { return 1_000 }
        if mirror.needsLoad { return Self.gatePause }
        let now = options.monotonicNow()
        // Where the thread of the engine gets through again, this one does too.
        let count = mirror.connectCount.load(ordering: .acquiring)
        guard now >= nextAttempt || count != connectCount else { return nextAttempt &- now }
        connectCount = count
        do throws(StoreFault) {
            return try read(wait: wait)
        } catch {
            return failed(error)
        }
    }

    private func read(wait: Int64) throws(StoreFault) -> Int64 {
        // The log comes in between, so that records of other nodes do not wait for long.
        if options.monotonicNow() &- readAt < Self.ownWait, let lost = mirror.takeOwn() {
            refuse(lost)
            return 0
        }
        if !isConnected {
            _ = try tail.connect(by: .after(milliseconds: Int(clamping: options.timeout)))
            try compareHistory()
            isConnected = true
            if hasConnected { status.count { $0.reconnects &+= 1 } }
            hasConnected = true
        }
        // What this node records is known without the log, which costs the engine a question.
        if wait > 0, !mirror.mayForget { mirror.own.rest(atMost: Self.ownWait &- (options.monotonicNow() &- readAt)) }
        let before = mirror.position
        let asked = status.knowledge.now
        if !mirror.mayForget { readAt = options.monotonicNow() }
        let batch = try tail.read(
            after: before, wait: Int(clamping: wait),
            by: .after(milliseconds: Int(clamping: wait.saturatingAdd(options.timeout))))
        if mirror.mayForget { mirror.own.wait(have: batch.records.count, atMost: Self.ownWait) }
        let (isAtHead, lost) = try mirror.take(batch, after: before)
        refuse(lost)
        if mirror.mayForget { readAt = options.monotonicNow() }
        backOff.reset()
        if isAtHead {
            hasCaughtUp = true
            status.knowledge.advance(asOf: asked)
            noteKnowledge(asked)
        }
        return isAtHead || mirror.position != before ? 0 : Self.gatePause
    }

    private func refuse(_ lost: [StoreTask]) {
        refusals.refuse(lost, .unavailable(reason: "the engine failed over before this node had the record"))
    }

    private func failed(_ fault: StoreFault) -> Int64 {
        switch fault {
        case .gone, .epoch:
            // Without the log, nothing says whether the engine has what this node has.
            if case .gone = fault { mirror.note(unknownHistory: true) }
            // The thread of the engine finds out what has happened.
            mirror.wantLoad()
            queue.wake()
            return Self.gatePause
        case .damaged(let reason):
            isStopped = true
            close()
            queue.say(reason)
            queue.stop()
            let text =
                "\(reason). This node keeps what it knows and does not go on. Start a version that knows such records."
            if status.set(.damaged, text) { options.observe(.damaged(reason: reason)) }
            return Self.wait
        case .unreachable, .lost, .busy, .notPrimary, .rejected, .malformed, .closed:
            close()
            var isStarting = false
            if case .busy = fault { isStarting = true }
            let pause = backOff.next(options.random(), isStarting: isStarting)
            nextAttempt = options.monotonicNow().saturatingAdd(pause)
            return pause
        }
    }

    /// Writes down when everything was known.
    private func noteKnowledge(_ asked: Int64) {
        let now = options.monotonicNow()
        guard notedAt.map({ now &- $0 >= Self.notePause }) ?? true else { return }
        notedAt = now
        let age = max(0, status.knowledge.now &- asked)
        let safe = mirror.safeSeq
        let line = KnowledgeNote(
            bootID: options.bootID, asOf: asked, wall: options.clock.now.adding(milliseconds: -age),
            safeSeq: safe == 0 ? nil : safe)
        // Without it, a start knows less about its age; the next attempt is in a second.
        do throws(JournalError) {
            if let note { return try note.write(line.bytes, at: 0) }
            note = try storage.create(KnowledgeNote.name, content: line.bytes)
        } catch {
            note?.close()
            note = nil
        }
    }

    func close() {
        tail.disconnect()
        isConnected = false
    }
}
