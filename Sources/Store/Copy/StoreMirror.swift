import Encoding
import Journal
import Platform
import Revocation
import Synchronization

/// What a node has of the engine's order: in its files, in the memory that lookups use, and passed on to sinks.
///
/// The two threads of the ledger use it one at a time.
final class StoreMirror: Sendable {
    struct State {
        var epochs: LedgerEpochs
        var position: LedgerPosition
        /// Records that are applied and that could not be written to the files yet.
        var backlog: [JournalRecord] = []
        /// Whether the files lack records that are in no list either.
        var isCopyBroken = false
        /// Revoke-before times that were told again, with their first numbers: only a snapshot can have those.
        var toldCuts: [JournalRecord] = []
        /// The last record that came from the log; nil if everything was read as a whole since.
        var last: JournalRecord?
    }

    let copy: JournalCopy
    let applier: RevocationApplier
    let followers: FileFollowers
    let head: LedgerHead
    let acks = AckTable()
    let clock: EngineClock
    /// Whether the files must be durable before a caller is answered.
    let mayForget: Bool
    let own = OwnQueue()
    let observe: @Sendable (StoreEvent) -> Void
    let state: Mutex<State>
    /// The newest epoch whose records may be applied: before that, the engine must be told what it lacks.
    let epochMax: Atomic<UInt32>
    private let safe: Atomic<UInt64>
    private let began = Atomic<Int64>(.min)
    let wantsLoad = Atomic<Bool>(false)
    let sawOtherHistory = Atomic<Bool>(false)
    let lacksHistory = Atomic<Bool>(false)
    /// How often the thread of the engine has connected.
    let connectCount = Atomic<Int>(0)

    /// How many records wait for the files at most; with more, everything is read from the engine again.
    private static let backlogMax = 65_536

    init(
        _ copy: JournalCopy, _ applier: RevocationApplier, _ epochs: LedgerEpochs, clock: EngineClock, mayForget: Bool,
        safeSeq: UInt64, last: JournalRecord?, observe: @escaping @Sendable (StoreEvent) -> Void
    ) {
        let position = epochs.position(of: copy.durableSeq)
        self.copy = copy
        self.applier = applier
        self.clock = clock
        self.mayForget = mayForget
        self.observe = observe
        followers = FileFollowers(epochs, delivered: position.seq)
        head = LedgerHead(position)
        state = Mutex(State(epochs: epochs, position: position, last: last))
        epochMax = Atomic(position.epoch)
        safe = Atomic(safeSeq)
    }

    var position: LedgerPosition { state.withLock { $0.position } }
    var epochs: LedgerEpochs { state.withLock { $0.epochs } }
    var isBehind: Bool { state.withLock { !$0.backlog.isEmpty || $0.isCopyBroken } }

    /// Whether everything must be read from the engine, because its log does not continue what this node has.
    var needsLoad: Bool { wantsLoad.load(ordering: .acquiring) }
    /// The log continues what this node has after all.
    func forgetLoad() { wantsLoad.store(isBroken, ordering: .releasing) }
    private var isBroken: Bool { state.withLock { $0.isCopyBroken } }
    func wantLoad() { wantsLoad.store(true, ordering: .releasing) }

    /// The last record that all replicas of the engine have: nothing up to there can be lost. 0 if that is not known.
    var safeSeq: UInt64 { safe.load(ordering: .acquiring) }
    func note(safeSeq: UInt64) { _ = safe.max(safeSeq, ordering: .acquiringAndReleasing) }

    func allow(epoch: UInt32) {
        let before = epochMax.exchange(epoch, ordering: .acquiringAndReleasing)
        if epoch > before, before > 0, position.seq > 0 { began.store(clock.monotonic, ordering: .releasing) }
    }
    /// When this node learned of the present epoch, by the monotonic clock; `.min` if that was before its start.
    var epochBegan: Int64 { began.load(ordering: .acquiring) }
    var allowedEpoch: UInt32 { epochMax.load(ordering: .acquiring) }

    /// Returns when the records that were passed on are in the files too.
    func settle() throws(JournalError) {
        let isBehind = state.withLock { state in
            writeBacklog(&state)
            return !state.backlog.isEmpty || state.isCopyBroken
        }
        if isBehind { throw .unwritable(reason: "the copy of the engine is behind") }
    }

    /// Applies the next records of the engine.
    ///
    /// - Parameter asked: the position after which the log was asked.
    /// - Returns: whether everything up to the head is here now, and callers whose records an epoch ended without.
    func take(
        _ batch: TailBatch, after asked: LedgerPosition
    ) throws(StoreFault) -> (isAtHead: Bool, lost: [StoreTask]) {
        let result = state.withLock { state -> Result<(isAtHead: Bool, lost: [StoreTask]), StoreFault> in
            let (batch, rest) = completed(batch, after: asked, state)
            do throws(StoreFault) { return .success(try take(batch, rest, &state)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    private func take(
        _ batch: TailBatch, _ rest: ArraySlice<JournalRecord>, _ state: inout State
    ) throws(StoreFault) -> (isAtHead: Bool, lost: [StoreTask]) {
        var lost: [StoreTask] = []
        var rest = rest
        while let first = rest.first {
            if first.seq != state.position.seq &+ 1 {
                guard try enters(first, batch.head, state) else { return (false, lost) }
                lost += begin(epoch: nextEpoch(after: state.position.epoch, rest, batch.head), at: first.seq, &state)
            }
            let run = try Self.run(rest, after: state.position.seq)
            apply(run, batch, &state)
            lost += acks.release(upTo: state.position)
            rest = rest.dropFirst(run.count)
        }
        keepTold(&state)
        guard batch.records.count < TailBatch.countMax else { return (false, lost) }
        if batch.head.position.epoch > state.position.epoch {
            guard batch.head.position.epoch <= allowedEpoch else { return (false, lost) }
            lost += begin(epoch: batch.head.position.epoch, at: batch.head.position.seq &+ 1, &state)
        }
        return (state.position.seq >= batch.head.position.seq, lost)
    }

    /// Whether a record that does not follow begins an epoch that may be entered.
    private func enters(
        _ first: JournalRecord, _ engine: EngineHead, _ state: State
    ) throws(StoreFault) -> Bool {
        // Epochs begin at multiples of half the number that the first new one would have.
        let stride = LedgerEpochs.beginning(above: 0) / 2
        let isBegin = first.seq > state.position.seq && first.seq % stride == 0
        guard isBegin, engine.position.epoch > state.position.epoch else {
            throw .damaged(reason: "record \(state.position.seq &+ 1) expected, record \(first.seq) found")
        }
        return engine.position.epoch <= allowedEpoch
    }

    /// Returns the epoch that begins with the first of some records; only the last one of an answer has a name.
    private func nextEpoch(
        after epoch: UInt32, _ records: ArraySlice<JournalRecord>, _ engine: EngineHead
    ) -> UInt32 {
        var last = records.startIndex
        for index in records.indices.dropFirst() where records[index].seq != records[index - 1].seq &+ 1 {
            last = index
        }
        return last == records.startIndex ? engine.position.epoch : epoch &+ 1
    }

    /// Returns the first records that follow each other.
    private static func run(
        _ records: ArraySlice<JournalRecord>, after seq: UInt64
    ) throws(StoreFault) -> ArraySlice<JournalRecord> {
        var expected = seq &+ 1
        var end = records.startIndex
        for record in records {
            guard record.seq == expected else { break }
            if let fault = StoreRecord.fault(record) { throw fault }
            expected &+= 1
            end += 1
        }
        return records[..<end]
    }

    func apply(_ records: ArraySlice<JournalRecord>, _ batch: TailBatch, _ state: inout State) {
        guard let last = records.last else { return }
        let epochs = state.epochs
        var firstSeqs: [UInt64: UInt64] = [:]
        for (index, seq) in batch.told where records.indices.contains(index) {
            firstSeqs[records[index].seq] = seq
            guard records[index].kind == .cut else { continue }
            state.toldCuts.append(records[index].placed(seq: seq, time: records[index].time))
        }
        applier.apply(records) { epochs.position(of: firstSeqs[$0] ?? $0) }
        if !mayForget, state.backlog.count + records.count > TailBatch.countMax { writeBacklog(&state) }
        state.backlog += records
        if mayForget { writeBacklog(&state) }
        followers.deliver(records)
        (state.position, state.last) = (LedgerPosition(epoch: state.position.epoch, seq: last.seq), last)
        clock.note(batch.head.time)
        // With an engine that may forget, nothing counts before this node could tell it again.
        if !mayForget || state.backlog.isEmpty && !state.isCopyBroken { head.advance(to: state.position) }
    }
}

extension TailBatch {
    /// How many records an answer has at most.
    static let countMax = 4_096
}

extension StoreMirror {
    /// Puts the first numbers of revoke-before times into the files, so that they count after a restart too. Without
    /// them, sessions that began since would end.
    private func keepTold(_ state: inout State) {
        guard !state.toldCuts.isEmpty else { return }
        writeBacklog(&state)
        guard state.backlog.isEmpty, !state.isCopyBroken else { return }
        let (cuts, seq) = (state.toldCuts, state.position.seq)
        do throws(JournalError) {
            try copy.replace(applier.live(horizon: .distantPast)) { draft throws(JournalError) in
                try draft.add(cuts)
                return (seq, copy.lastTime)
            }
            state.toldCuts = []
        } catch {
            observe(.copyUnwritable(reason: "\(error)"))
        }
    }

    /// Continues with an epoch whose first record has the number `seq`.
    ///
    /// - Returns: callers whose records the epoch before ended without.
    func begin(epoch: UInt32, at seq: UInt64) -> [StoreTask] { state.withLock { begin(epoch: epoch, at: seq, &$0) } }

    private func begin(epoch: UInt32, at seq: UInt64, _ state: inout State) -> [StoreTask] {
        guard epoch > state.position.epoch else { return [] }
        let number = seq &- 1
        let last = state.position.seq
        state.epochs.begin(epoch, at: number, offset: 0, after: last)
        followers.begin(epoch: epoch, at: number, offset: 0, after: last)
        state.position = LedgerPosition(epoch: epoch, seq: number)
        let time = max(copy.lastTime, state.backlog.last?.time ?? 0)
        let record = RevocationCodec.record(.epochBegan(epoch: epoch, offset: last)).placed(seq: number, time: time)
        state.backlog.append(record)
        writeBacklog(&state)
        head.advance(to: state.position)
        return acks.release(upTo: state.position)
    }

    func writeBacklog(_ state: inout State) {
        guard !state.backlog.isEmpty, !state.isCopyBroken else { return }
        let wasBehind = state.backlog.count > TailBatch.countMax
        do throws(JournalError) {
            var rest = state.backlog[...]
            while let first = rest.first {
                if first.kind == .epoch {
                    if first.seq > copy.durableSeq { try copy.jump(to: first) }
                    rest = rest.dropFirst()
                    continue
                }
                let run = rest.prefix { $0.kind != .epoch }
                try copy.append(run.drop { $0.seq <= copy.durableSeq })
                rest = rest.dropFirst(run.count)
            }
            state.backlog.removeAll(keepingCapacity: true)
            if wasBehind { observe(.copyWritable) }
        } catch {
            observe(.copyUnwritable(reason: "\(error)"))
            guard state.backlog.count > Self.backlogMax else { return }
            state.backlog = []
            state.isCopyBroken = true
            wantLoad()
        }
    }
}
