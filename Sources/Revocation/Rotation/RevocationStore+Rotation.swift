package import Encoding
import Platform

extension RevocationStore {
    /// Whether a session was revoked because the same browser began another one.
    package func isReplaced(_ sid: UUID) -> Bool { index.replaced.contains(sid, at: sid.milliseconds) }

    /// Uses a refresh token: decides whether its successor may be issued, and makes that durable first.
    ///
    /// A revoked session is rejected before anything else. Concurrent uses of one token get the same outcome.
    package func rotate(
        _ request: RotationRequest, subject: [UInt8], client: [UInt8], kid: [UInt8],
        _ done: @escaping @Sendable (RotationOutcome) -> Void
    ) {
        if let denial = denial(
            sid: request.sid, issuedAt: 0, birth: request.birth, subject: subject.span, client: client.span,
            kid: kid.span)
        {
            return done(.denied(denial))
        }
        if isShared { return rotateShared(request, subject: subject, client: client, kid: kid, done) }
        switch index.rotations.present(request, now: ledger.now, grace: grace, joining: done) {
        case .join:
            break
        case .commit:
            ledger.advance(Advance(request, birth: comparable(request.birth), subject: subject, client: client)) {
                [self] in settle(request, $0, done)
            }
        case .replay(let rotation):
            done(.replayed(generation: rotation.generation, at: rotation.at, seq: sequence))
        case .mismatch:
            done(.mismatched)
        case .ahead(let known):
            done(.ahead(known: known))
        case .reuse:
            revokeReused(request, done)
        }
    }

    private func settle(
        _ request: RotationRequest, _ verdict: Result<AdvanceVerdict, RevocationError>,
        _ done: @escaping @Sendable (RotationOutcome) -> Void
    ) {
        let settlement = index.rotations.settle(request, verdict, head: ledger.head.position, grace: grace)
        switch settlement.decision {
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

    func revokeReused(
        _ request: RotationRequest, _ done: @escaping @Sendable (RotationOutcome) -> Void
    ) {
        revokeSession(request.sid, expiresAt: request.sessionEnd, reason: RevocationReason.refreshReused.rawValue) {
            switch $0 {
            case .success(let position): done(.reused(seq: position.seq))
            case .failure(let error): done(.unavailable(error))
            }
        }
    }

    /// Returns the generation of the newest refresh token of a session.
    package func generation(of sid: UUID) -> UInt32 { index.rotations.generation(of: sid) }
}
