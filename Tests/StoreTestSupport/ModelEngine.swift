import Encoding
import Journal
import Platform
@testable import Revocation
@testable import Store
import Synchronization

/// An engine in memory that several nodes use, with faults as a test wants them.
package final class ModelWorld: StoreEngineSource {
    package enum Fault: Equatable, Sendable {
        /// There is no connection, and nothing was done.
        case unreachable
        /// The connection ended before anything was done.
        case lostBefore
        /// Everything was done, and the answer was lost.
        case lostAfter
        case busy
        case rejected
        /// Another node has just begun an epoch.
        case epoch
    }

    struct State {
        var engine: ModelEngineState
        var identity = "primary-1"
        var number = 1
        /// How many connections were broken since the start; those that are older do not work.
        var generation = 0
        /// What the next calls of a node do, by its name; `*` for all.
        var faults: [String: [Fault]] = [:]
        var isDown = false
        var nodes: [NodeReport] = []
        var flaws: [DurabilityFlaw] = []
        var isReadable = true
        /// The engine's clock relative to the box, in milliseconds.
        var clockOffset: Int64 = 0
        /// Records below this number are no longer in the log.
        var trimmedTo: UInt64 = 0
        /// What the replica has, as a number of records of the log; nil if it has everything.
        var replicated: Int?
        var commitCount = 0
        var loadCount = 0
        var pieces = 0
        /// Records that the tail passes differently.
        var damage: (@Sendable ([JournalRecord]) -> [JournalRecord])?
        var reportsSafeSeq = true
        /// Whether attempts to connect take until this ends.
        var hangs = false
        /// For how many milliseconds the last connection of a writer was tried.
        var patience: Int32 = 0
    }

    package let name = "model"
    package let mayForget: Bool
    let state: Mutex<State>
    private let clock: WallClock

    package init(_ clock: WallClock, flaw: ModelFlaw? = nil, mayForget: Bool = true) {
        self.clock = clock
        self.mayForget = mayForget
        state = Mutex(State(engine: ModelEngineState(flaw: flaw)))
    }

    func time(_ state: State) -> UnixMilliseconds { clock.now.adding(milliseconds: state.clockOffset) }

    package func engine() throws(StoreFault) -> any StoreEngine { ModelEngine(self) }
    package func tail() throws(StoreFault) -> any StoreTail { ModelTail(self) }

    // What a test does to it.

    package func fail(_ faults: Fault...) { state.withLock { $0.faults["*", default: []] += faults } }
    package func stop() { state.withLock { ($0.isDown, $0.generation) = (true, $0.generation + 1) } }
    package func start() { state.withLock { $0.isDown = false } }
    /// Attempts to connect hang, or go on.
    package func hang(_ hangs: Bool) { state.withLock { $0.hangs = hangs } }
    package func breakConnections() { state.withLock { $0.generation += 1 } }

    /// The process starts again, with everything that it had.
    package func restart() { state.withLock { Self.become(&$0, $0.engine) } }

    /// A replica that lacks the last records becomes the primary.
    package func failOver(losing count: Int) {
        state.withLock { state in
            var engine = ModelEngineState(flaw: state.engine.flaw)
            let kept = state.engine.log.dropLast(count)
            engine.epochs = state.engine.epochs
            engine.lastTime = state.engine.lastTime
            engine.told = state.engine.told
            for record in kept {
                engine.apply(record.placed(seq: engine.told[record.seq] ?? record.seq, time: record.time))
            }
            engine.log = Array(kept)
            if let head = state.engine.head {
                let begin = engine.epochs.last?.begin ?? 1
                let seq = max(kept.last?.seq ?? 0, begin - 1)
                engine.head = EngineHead(
                    position: LedgerPosition(epoch: head.position.epoch, seq: seq), time: kept.last?.time ?? 0,
                    identity: head.identity)
            }
            Self.become(&state, engine)
        }
    }

    /// Returns the state, for ``restore(_:keepsIdentity:)``.
    package func backup() -> ModelEngineState { state.withLock { $0.engine } }

    /// An older state is put back.
    ///
    /// - Parameter keepsIdentity: whether the engine has the same name then, as PostgreSQL has.
    package func restore(_ backup: ModelEngineState, keepsIdentity: Bool) {
        state.withLock { state in
            let (identity, number) = (state.identity, state.number)
            Self.become(&state, backup)
            if keepsIdentity { (state.identity, state.number) = (identity, number) }
        }
    }

    /// The engine loses everything.
    package func empty() { state.withLock { Self.become(&$0, ModelEngineState(flaw: $0.engine.flaw)) } }

    /// A revocation of a session is removed from the engine by hand.
    package func forget(_ sid: UUID) { state.withLock { $0.engine.sessions[sid] = nil } }

    /// How much has expired, in pieces that are removed at once.
    package var pieces: Int {
        get { state.withLock { $0.pieces } }
        set { state.withLock { $0.pieces = newValue } }
    }

    package func trimLog() { state.withLock { $0.trimmedTo = ($0.engine.head?.position.seq ?? 0) } }

    package var logCount: Int { state.withLock { $0.engine.log.count } }
    /// How many rotations the log has of sessions whose end stands before them.
    package var rotatedAfterEnd: Int {
        state.withLock { state in
            var ended: Set<UUID> = []
            return state.engine.log.reduce(0) { count, record in
                if record.kind == .revokeSession { ended.insert(record.key) }
                return record.kind == .rotate && ended.contains(record.key) ? count + 1 : count
            }
        }
    }
    package var patience: Int32 { state.withLock { $0.patience } }
    package var commitCount: Int { state.withLock { $0.commitCount } }
    package var loadCount: Int { state.withLock { $0.loadCount } }
    package var position: LedgerPosition? { state.withLock { $0.engine.head?.position } }
    package func isRevoked(_ sid: UUID) -> Bool { state.withLock { $0.engine.sessions[sid] != nil } }
    package func generation(of sid: UUID) -> UInt32 {
        state.withLock { $0.engine.rotations[sid]?.rotation.generation ?? 0 }
    }
    package func change(_ body: (inout ModelSettings) -> Void) {
        state.withLock { state in
            var settings = ModelSettings(
                flaws: state.flaws, isReadable: state.isReadable, clockOffset: state.clockOffset,
                reportsSafeSeq: state.reportsSafeSeq, damage: state.damage)
            body(&settings)
            (state.flaws, state.isReadable, state.clockOffset) = (
                settings.flaws, settings.isReadable, settings.clockOffset
            )
            (state.reportsSafeSeq, state.damage) = (settings.reportsSafeSeq, settings.damage)
        }
    }

    private static func become(_ state: inout State, _ engine: ModelEngineState) {
        state.engine = engine
        state.number += 1
        state.identity = "primary-\(state.number)"
        state.generation += 1
    }

    /// Does something over a connection, with the fault that is due.
    func call<Value>(
        _ generation: Int?, _ body: (inout State) throws(StoreFault) -> Value
    ) throws(StoreFault) -> Value {
        let result = state.withLock { state -> Result<Value, StoreFault> in
            guard let generation, generation == state.generation, !state.isDown else {
                return .failure(.unreachable(reason: "the model is not connected"))
            }
            let fault = state.faults["*"]?.first
            if fault != nil { state.faults["*"]?.removeFirst() }
            switch fault {
            case .unreachable: return .failure(.unreachable(reason: "no connection"))
            case .lostBefore: return .failure(.lost(reason: "connection reset"))
            case .busy: return .failure(.busy(reason: "LOADING"))
            case .rejected: return .failure(.rejected(reason: "WRONGPASS", remedy: "Set the password."))
            case .epoch: return .failure(.epoch(state.engine.head))
            case .lostAfter, nil: break
            }
            do throws(StoreFault) {
                let value = try body(&state)
                return fault == .lostAfter ? .failure(.lost(reason: "connection reset")) : .success(value)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    func connect() throws(StoreFault) -> Int {
        while state.withLock({ $0.hangs }) { Platform.Thread.sleep(milliseconds: 5) }
        let generation = state.withLock { $0.isDown ? nil : $0.generation }
        guard let generation else { throw .unreachable(reason: "connection refused") }
        return generation
    }
}

package typealias ModelFlaw = ModelEngineState.Flaw

/// What a test sets.
package struct ModelSettings {
    package var flaws: [DurabilityFlaw]
    package var isReadable: Bool
    package var clockOffset: Int64
    package var reportsSafeSeq: Bool
    package var damage: (@Sendable ([JournalRecord]) -> [JournalRecord])?
}

private final class ModelEngine: StoreEngine {
    private let world: ModelWorld
    private var generation: Int?

    init(_ world: ModelWorld) { self.world = world }

    func connect(by deadline: StoreDeadline) throws(StoreFault) -> EngineReport {
        world.state.withLock { $0.patience = deadline.milliseconds }
        generation = try world.connect()
        return try world.call(generation) { state throws(StoreFault) in
            EngineReport(
                identity: state.identity, head: state.engine.head, now: world.time(state), version: "Model 1",
                flaws: state.flaws, areSettingsKnown: state.isReadable, replicaCount: 0)
        }
    }

    func commit(
        _ steps: [StoreStep], epoch: UInt32, by deadline: StoreDeadline
    ) throws(StoreFault) -> [StepOutcome] {
        try world.call(generation) { state throws(StoreFault) in
            guard let head = state.engine.head, head.position.epoch == epoch else { throw .epoch(state.engine.head) }
            state.commitCount += 1
            let now = world.time(state)
            return steps.map { state.engine.perform($0, at: now) }
        }
    }

    func begin(
        epoch: UInt32, at seq: UInt64, expecting expected: EngineHead?, identity: String, by deadline: StoreDeadline
    ) throws(StoreFault) -> EngineHead {
        try world.call(generation) { state throws(StoreFault) in
            guard state.engine.head == expected else { throw .epoch(state.engine.head) }
            let time = state.engine.now(world.time(state))
            let head = EngineHead(
                position: LedgerPosition(epoch: epoch, seq: seq - 1), time: time, identity: identity)
            state.engine.head = head
            state.engine.epochs.append((epoch, seq))
            return head
        }
    }

    func load(
        by deadline: StoreDeadline, _ take: ([JournalRecord]) -> Void
    ) throws(StoreFault) -> EngineHead {
        let (records, head) = try world.call(generation) { state throws(StoreFault) -> ([JournalRecord], EngineHead) in
            guard let head = state.engine.head else { throw .epoch(nil) }
            state.loadCount += 1
            return (state.engine.live, head)
        }
        for part in StoreRecord.parts(records, of: 100) { take(part) }
        return head
    }

    func exchange(_ own: NodeReport, by deadline: StoreDeadline) throws(StoreFault) -> EngineStatus {
        try world.call(generation) { state throws(StoreFault) in
            let now = world.time(state)
            state.nodes.removeAll { now.milliseconds(since: $0.time) > 60_000 }
            let isTaken = state.nodes.contains {
                $0.name == own.name && $0.instance != own.instance && now.milliseconds(since: $0.time) < 3_000
            }
            if !isTaken {
                var report = own
                report.time = now
                state.nodes.removeAll { $0.name == own.name }
                state.nodes.append(report)
            }
            let safe = state.replicated.map { UInt64($0) } ?? state.engine.head?.position.seq
            return EngineStatus(
                nodes: state.nodes, now: now, head: state.engine.head, safeSeq: state.reportsSafeSeq ? safe : nil,
                isNameTaken: isTaken)
        }
    }

    func maintain(by deadline: StoreDeadline) throws(StoreFault) -> Bool {
        try world.call(generation) { state throws(StoreFault) in
            if state.pieces > 0 { state.pieces -= 1 }
            return state.pieces > 0
        }
    }

    func disconnect() { generation = nil }
}

private final class ModelTail: StoreTail {
    private let world: ModelWorld
    private var generation: Int?

    init(_ world: ModelWorld) { self.world = world }

    func connect(by deadline: StoreDeadline) throws(StoreFault) -> EngineHead {
        generation = try world.connect()
        let head = world.state.withLock { $0.engine.head }
        guard let head else { throw .epoch(nil) }
        return head
    }

    func read(
        after position: LedgerPosition, wait: Int, by deadline: StoreDeadline
    ) throws(StoreFault) -> TailBatch {
        guard let generation else { throw .unreachable(reason: "the model is not connected") }
        var batch = try answer(after: position, generation)
        for _ in 0..<max(0, wait) where batch.records.isEmpty {
            Platform.Thread.sleep(milliseconds: 1)
            batch = try answer(after: position, generation)
        }
        return batch
    }

    private func answer(after position: LedgerPosition, _ generation: Int) throws(StoreFault) -> TailBatch {
        // The faults of a test are for commits.
        let result = world.state.withLock { state -> Result<TailBatch, StoreFault> in
            guard generation == state.generation, !state.isDown else { return .failure(.lost(reason: "reset")) }
            guard let head = state.engine.head else { return .failure(.epoch(nil)) }
            guard Self.knows(position, state.engine) else { return .failure(.epoch(head)) }
            guard position.seq >= state.trimmedTo else { return .failure(.gone) }
            var records = Array(state.engine.log.lazy.filter { $0.seq > position.seq }.prefix(4_096))
            if let damage = state.damage { records = damage(records) }
            var told: [Int: UInt64] = [:]
            for (index, record) in records.enumerated() { told[index] = state.engine.told[record.seq] }
            return .success(TailBatch(records: records, head: head, told: told))
        }
        return try result.get()
    }

    private static func knows(_ position: LedgerPosition, _ engine: ModelEngineState) -> Bool {
        guard let index = engine.epochs.firstIndex(where: { $0.epoch == position.epoch }) else { return false }
        let begin = engine.epochs[index].begin
        let end = index + 1 < engine.epochs.count ? engine.epochs[index + 1].begin : .max
        if position.seq + 1 == begin { return true }
        let last = engine.log.last { $0.seq < end && $0.seq >= begin }?.seq ?? begin - 1
        return position.seq >= begin && position.seq <= last
    }

    func disconnect() { generation = nil }
}
