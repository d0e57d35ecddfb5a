internal import Encoding
import Platform
internal import Synchronization

/// A presented refresh token, as far as the ledger is asked about it.
struct AskedToken: Hashable, Sendable {
    let sid: UUID
    let generation: UInt32
    let request: UInt32
    let repeatTime: Int64

    init(_ request: RotationRequest) {
        sid = request.sid
        (generation, self.request, repeatTime) = (request.generation, request.request, request.repeatTime)
    }
}

/// Where other processes rotate the same sessions. Memory may be behind the ledger, so nothing is decided from it.
extension Sessions {
    /// Notes that the ledger is being asked about a token.
    ///
    /// - Parameter done: gets the outcome with that of the first, if one is being asked about already.
    /// - Returns: whether one is. If not, ``settleShared(_:_:head:grace:)`` must follow.
    func join(_ request: RotationRequest, _ done: @escaping Completion) -> Bool {
        let token = AskedToken(request)
        return shards[Self.shard(key.fingerprint(request.sid))].withLock { shard in
            guard shard.asked[token] != nil else {
                shard.asked[token] = []
                return false
            }
            shard.asked[token]?.append(done)
            return true
        }
    }

    /// Ends the question with the answer of the ledger.
    func settleShared(
        _ request: RotationRequest, _ verdict: Result<AdvanceVerdict, RevocationError>, head: LedgerPosition,
        grace: Int64
    ) -> Settlement {
        let waiters = shards[Self.shard(key.fingerprint(request.sid))].withLock {
            $0.asked.removeValue(forKey: AskedToken(request)) ?? []
        }
        let decision: Settlement.Decision
        switch verdict {
        case .success(.advanced(let position, let time)):
            let rotation = Rotation(generation: request.generation &+ 1, request: request.request, at: time)
            restore(rotation, of: request.sid, sessionEnd: request.sessionEnd)
            decision = .outcomes(
                winner: .rotated(generation: rotation.generation, at: time, seq: position.seq),
                others: .replayed(generation: rotation.generation, at: time, seq: position.seq))
        case .success(.stands(let current, let now)):
            if let current { restore(current, of: request.sid, sessionEnd: request.sessionEnd) }
            var machine = RotationMachine(settled: current)
            let action = machine.present(
                generation: request.generation, request: request.request, now: now, grace: grace,
                repeatTime: request.repeatTime)
            decision = Self.decision(action, seq: head.seq)
        case .success(.rejected(let denial)):
            decision = .outcomes(winner: .denied(denial), others: .denied(denial))
        case .failure(let error):
            decision = .outcomes(winner: .unavailable(error), others: .unavailable(error))
        }
        return Settlement(decision: decision, waiters: waiters)
    }
}
