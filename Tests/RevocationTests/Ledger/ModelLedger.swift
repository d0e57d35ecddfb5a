import Encoding
import Journal
import Platform
@testable import Revocation
import Synchronization

/// A ledger in memory that any number of stores write: it compares generations and checks revocations by itself.
final class ModelLedgerSource: LedgerSource {
    /// What a wrong ledger does; the conformance suite must find each.
    enum Flaw: CaseIterable {
        /// A rotation does not check whether the session was revoked.
        case noCheck
        /// A position is given before the record is durable.
        case earlyPosition
        /// A sink that comes back lacks a record.
        case skippedRecord
    }

    struct State {
        var records: [LedgerRecord] = []
        var rotations: [Encoding.UUID: Rotation] = [:]
        var revoked: Set<Encoding.UUID> = []
        let cuts = RevokeBeforeTable()
        var lastTime: UnixMilliseconds = 0
        var sinks: [any LedgerSink] = []

        var position: LedgerPosition { records.last?.position ?? LedgerPosition(epoch: 1, seq: 0) }
    }

    let state = Mutex(State())
    let head = LedgerHead(LedgerPosition(epoch: 1, seq: 0))
    private let clock: WallClock

    let flaw: Flaw?

    init(clock: WallClock, flaw: Flaw? = nil) {
        self.clock = clock
        self.flaw = flaw
    }

    func open(_ replay: RevocationReplay) throws(RevocationError) -> any Ledger {
        let (records, lastTime) = state.withLock { ($0.records, $0.lastTime) }
        for record in records { replay.apply(record.event, at: LedgerStamp(record.position, time: record.time)) }
        let note = replay.finish(lastTime: lastTime)
        _ = state.withLock { record(.processStarted(note), in: &$0) }
        return ModelLedger(self)
    }

    func now(_ state: inout State) -> UnixMilliseconds {
        state.lastTime = max(state.lastTime, clock.now)
        return state.lastTime
    }

    func record(_ event: RevocationEvent, in state: inout State) -> LedgerStamp {
        let position = LedgerPosition(epoch: 1, seq: state.position.seq + 1)
        let record = LedgerRecord(position: position, time: now(&state), event: event)
        state.records.append(record)
        switch event {
        case .rotated(let sid, let generation, let request, _):
            state.rotations[sid] = Rotation(generation: generation, request: request, at: record.time)
        case .sessionRevoked(let sid, _, _), .sessionDisplaced(let sid, _): state.revoked.insert(sid)
        case .revokedBefore(let cut, let kind, let key, _, _): state.cuts.insert(kind, key, cut, seq: position.seq)
        case .exempted(let sid, let cut, let kind, _): state.cuts.exempt(sid, kind, cut, seq: position.seq + 1)
        case .tokenRevoked, .sessionOpened, .sessionListed, .epochBegan, .processStarted: break
        }
        for sink in state.sinks { sink.records([record], head: position) }
        if flaw != .earlyPosition { head.advance(to: position) }
        return LedgerStamp(position, time: record.time)
    }
}

private final class ModelLedger: Ledger {
    private let source: ModelLedgerSource
    private let isOpen = Atomic<Bool>(true)

    init(_ source: ModelLedgerSource) { self.source = source }

    var head: LedgerHead { source.head }
    var now: UnixMilliseconds { source.state.withLock { source.now(&$0) } }
    var isShared: Bool { true }
    var isWritable: Bool { isOpen.load(ordering: .acquiring) }
    var takesEverything: Bool { isWritable }

    func knows(_ position: LedgerPosition) -> Bool { position.epoch == head.epoch }

    func append(_ events: [RevocationEvent], _ done: @escaping Completion) {
        guard isWritable else { return done(.failure(.closed)) }
        let last = source.state.withLock { state in events.map { source.record($0, in: &state) }.last }
        if let last { done(.success(last)) }
    }

    func advance(
        _ request: Advance, _ done: @escaping @Sendable (Result<AdvanceVerdict, RevocationError>) -> Void
    ) {
        guard isWritable else { return done(.failure(.closed)) }
        let verdict = source.state.withLock { state -> AdvanceVerdict in
            let checks = source.flaw != .noCheck
            if checks, state.revoked.contains(request.sid) { return .rejected(.session) }
            let denial = state.cuts.denial(
                born: request.birth, sid: request.sid, subject: request.subject.span, client: request.client.span,
                kid: nil)
            if checks, let denial { return .rejected(denial) }
            let current = state.rotations[request.sid]
            guard current?.generation ?? 0 == request.generation, request.generation < .max else {
                return .stands(current, now: source.now(&state))
            }
            let stamp = source.record(request.event, in: &state)
            return .advanced(stamp.position, at: stamp.time)
        }
        done(.success(verdict))
    }

    func follow(from position: LedgerPosition?, into sink: any LedgerSink) {
        source.state.withLock { state in
            let known = position.flatMap { $0.epoch == 1 && $0.seq <= state.position.seq ? $0.seq : nil }
            if known == nil { sink.reset(state.position) }
            let skipped: UInt64 = source.flaw == .skippedRecord && known != nil ? 1 : 0
            let missing = state.records.filter { $0.position.seq > (known ?? 0) + skipped }
            if !missing.isEmpty { sink.records(missing, head: state.position) }
            sink.caughtUp(state.position)
            state.sinks.append(sink)
        }
    }

    func close() { isOpen.store(false, ordering: .releasing) }
}
