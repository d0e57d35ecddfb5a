import Encoding
import Journal
import Platform
import Revocation

/// What a presented refresh token must be answered with.
enum Expectation: Equatable {
    case denied
    /// Denied or not: a refusal is unsure.
    case either
    case commit(SimulatedSession.Rotation)
    case join(SimulatedSession.Rotation)
    case replay(SimulatedSession.Rotation)
    case mismatch
    case end
    case ahead
}

extension World {
    /// The promises about rotation, read plainly.
    func expectation(
        _ session: SimulatedSession, _ generation: UInt32, _ request: UInt32, _ now: UnixMilliseconds
    ) -> Expectation {
        guard let isDenied = isDenied(session) else { return .either }
        if isDenied { return .denied }
        let settled = session.settled
        if generation > settled.generation { return .ahead }
        if generation == settled.generation {
            if let pending = session.pending { return pending.request == request ? .join(pending) : .mismatch }
            return .commit(.init(generation: generation + 1, request: request, at: now))
        }
        guard session.pending == nil, generation + 1 == settled.generation,
            now.milliseconds(since: settled.at) <= Self.grace
        else {
            return .end
        }
        return settled.request == request ? .replay(settled) : .mismatch
    }

    func judge(_ outcome: RotationOutcome, _ sid: UUID, _ expected: Expectation, isQueued: Bool) {
        guard let index = index(of: sid) else { return }
        switch (expected, outcome) {
        case (.denied, .denied), (.mismatch, .mismatched), (.ahead, .ahead): break
        case (.commit(let rotation), .rotated(let generation, let at, let seq)):
            guard hears(seq) else { return fail(commit: rotation, index, isQueued: true) }
            guard generation == rotation.generation, at == rotation.at else {
                return fail("rotated to \(generation) at \(at), not \(rotation)")
            }
            count("rotations")
            sessions[index].settled = rotation
            sessions[index].seq = seq
            sessions[index].pending = nil
            sessions[index].unsure = nil
        case (.commit(let rotation), .unavailable): fail(commit: rotation, index, isQueued: isQueued)
        case (.join(let rotation), .replayed(let generation, let at, let seq)):
            guard hears(seq) else { return }
            if generation != rotation.generation || at != rotation.at { fail("a joined rotation differs") }
            count("joins")
        // Revoked while it was being written: the record is there, and nobody goes on with it.
        case (.commit(let rotation), .denied) where isQueued && isDenied(sessions[index]) != false:
            guard !disk.isDead else { return fail(commit: rotation, index, isQueued: true) }
            count("rotations of a session that was revoked meanwhile")
            sessions[index].settled = rotation
            // Nobody is told its number, which is not above this one.
            sessions[index].seq = max(sessions[index].seq, store?.sequence ?? 0)
            sessions[index].pending = nil
            sessions[index].unsure = nil
        case (.join, .denied) where isQueued && isDenied(sessions[index]) != false: break
        case (.join, .unavailable): break
        case (.replay(let rotation), .replayed(let generation, let at, let seq)):
            if generation != rotation.generation || at != rotation.at || seq < sessions[index].seq {
                fail("a replay of \(rotation) was answered \(generation) at \(at), seq \(seq)")
            }
            count("replays")
        case (.end, .reused(let seq)):
            sessions[index].refusal?.take(heard(.success(seq)), isQueued: true)
            count("thefts")
        case (.end, .unavailable(let fault)):
            sessions[index].refusal?.take(.failure(fault), isQueued: isQueued)
        default: fail("session \(sid) was answered \(outcome), not \(expected)")
        }
    }

    private func fail(commit rotation: SimulatedSession.Rotation, _ index: Int, isQueued: Bool) {
        sessions[index].pending = nil
        if isQueued { sessions[index].unsure = rotation }
    }

    private func hears(_ seq: UInt64) -> Bool {
        if case .success = heard(.success(seq)) { return true }
        return false
    }
}
