import Encoding
import Journal
import Platform
@testable import Revocation
import Synchronization

/// A log in memory that any number of stores write: it compares generations by itself.
final class MemoryLogSource: RevocationLogSource {
    fileprivate struct State {
        var events: [(event: RevocationEvent, position: LogPosition)] = []
        var rotations: [Encoding.UUID: Rotation] = [:]
        var lastTime: UnixMilliseconds = 0
    }

    fileprivate let state = Mutex(State())
    fileprivate let durable = DurableSequence(0)
    private let clock: WallClock

    init(clock: WallClock) { self.clock = clock }

    func open(_ replay: RevocationReplay) throws(RevocationError) -> any RevocationLog {
        let (events, lastTime) = state.withLock { ($0.events, $0.lastTime) }
        for (event, position) in events { replay.apply(event, at: position.time) }
        let note = replay.finish(lastTime: lastTime)
        _ = state.withLock { record(.processStarted(note), in: &$0) }
        return MemoryLog(self)
    }

    fileprivate func now(_ state: inout State) -> UnixMilliseconds {
        state.lastTime = max(state.lastTime, clock.now)
        return state.lastTime
    }

    fileprivate func record(_ event: RevocationEvent, in state: inout State) -> LogPosition {
        let position = LogPosition(seq: UInt64(state.events.count + 1), time: now(&state))
        state.events.append((event, position))
        if case .rotated(let sid, let generation, let request, _) = event {
            state.rotations[sid] = Rotation(generation: generation, request: request, at: position.time)
        }
        durable.advance(to: position.seq)
        return position
    }
}

private final class MemoryLog: RevocationLog {
    private let source: MemoryLogSource
    private let isOpen = Atomic<Bool>(true)

    init(_ source: MemoryLogSource) { self.source = source }

    var durable: DurableSequence { source.durable }
    var now: UnixMilliseconds { source.state.withLock { source.now(&$0) } }
    var isWritable: Bool { isOpen.load(ordering: .acquiring) }
    var takesEverything: Bool { isWritable }

    func append(_ events: [RevocationEvent], _ done: @escaping Completion) {
        guard isWritable else { return done(.failure(.closed)) }
        let last = source.state.withLock { state in events.map { source.record($0, in: &state) }.last }
        if let last { done(.success(last)) }
    }

    func commitRotation(
        _ request: RotationRequest, expecting generation: UInt32, _ done: @escaping @Sendable (RotationCommit) -> Void
    ) {
        guard isWritable else { return done(.failed(.closed)) }
        let result = source.state.withLock { state -> RotationCommit in
            let current = state.rotations[request.sid]
            guard current?.generation ?? 0 == generation else {
                return .conflict(current: current, seq: source.durable.value)
            }
            let event = RevocationEvent.rotated(
                sid: request.sid, generation: generation + 1, request: request.request,
                sessionEnd: request.sessionEnd)
            return .committed(source.record(event, in: &state))
        }
        done(result)
    }

    func close() { isOpen.store(false, ordering: .releasing) }
}
