import Encoding
internal import Journal
import Platform

extension RevocationStore {
    /// Uses a refresh token whose session other processes may have rotated: the ledger is asked first, because "used
    /// before" or "from the future", decided from what this process knows, would sign honest users out.
    func rotateShared(
        _ request: RotationRequest, subject: [UInt8], client: [UInt8], kid: [UInt8],
        _ done: @escaping @Sendable (RotationOutcome) -> Void
    ) {
        guard !index.rotations.join(request, done) else { return }
        let advance = Advance(request, birth: comparable(request.birth), subject: subject, client: client)
        let settle: @Sendable (Result<AdvanceVerdict, RevocationError>) -> Void = { [self] verdict in
            let denial = denial(
                sid: request.sid, issuedAt: 0, birth: request.birth, subject: subject.span, client: client.span,
                kid: kid.span)
            // A revocation may have arrived while the ledger was asked.
            settleShared(request, denial.map { .success(.rejected($0)) } ?? verdict, done)
        }
        if let known = index.rotations.known(request.sid), known.generation > request.generation {
            // Nothing can rotate it again, even if the engine has lost what it knew.
            return ledger.advance(advance.question) { verdict in
                guard case .success(.stands(let current, let now)) = verdict else { return settle(verdict) }
                let isBehind = (current?.generation ?? 0) < known.generation
                settle(.success(.stands(isBehind ? known : current, now: now)))
            }
        }
        guard request.repeatTime > 0 else { return ledger.advance(advance, settle) }
        // The newest token may get its response again. Whether it is the newest, and since when, only the ledger knows.
        ledger.advance(advance.question) { [self] verdict in
            guard case .success(.stands(let current, let now)) = verdict else { return settle(verdict) }
            var machine = RotationMachine(settled: current)
            let action = machine.present(
                generation: request.generation, request: request.request, now: now, grace: grace,
                repeatTime: request.repeatTime)
            if case .commit = action { return ledger.advance(advance, settle) }
            settle(verdict)
        }
    }

    private func settleShared(
        _ request: RotationRequest, _ verdict: Result<AdvanceVerdict, RevocationError>,
        _ done: @escaping @Sendable (RotationOutcome) -> Void
    ) {
        let settlement = index.rotations.settleShared(request, verdict, head: ledger.head.position, grace: grace)
        switch settlement.decision {
        case .outcomes(.ahead, _) where ledger.mayLackRotations:
            // The token is from this service: the client tries again, and keeps its session.
            let outcome = RotationOutcome.unavailable(
                .unavailable(reason: "the engine lacks a rotation that another node has not sent it yet"))
            done(outcome)
            for waiter in settlement.waiters { waiter(outcome) }
        case .outcomes(let winner, let others):
            done(winner)
            for waiter in settlement.waiters { waiter(others) }
        case .reuse:
            revokeReused(request) { outcome in
                done(outcome)
                for waiter in settlement.waiters { waiter(outcome) }
            }
        }
    }
}
