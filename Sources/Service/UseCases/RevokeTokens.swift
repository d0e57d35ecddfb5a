package import Accounts
package import Encoding
package import Platform
package import Revocation
import Telemetry
import Tokens

/// What a token that was sent to `/revoke` turned out to be.
package enum Revocable: Equatable, Sendable {
    case access(jti: UUID, expiresAt: UnixMilliseconds)
    case refresh(sid: UUID, sessionEnd: UnixMilliseconds)
}

package enum RevokeFailure: Error, Equatable, Sendable {
    case notOwner(OwnershipFailure)
    /// The access token is signed with a shared secret, and this server did not issue it.
    case notIssuedHere
}

/// Revokes single tokens (RFC 7009).
package struct RevokeTokens {
    private let context: LoopContext

    package init(_ context: LoopContext) {
        self.context = context
    }

    /// Finds what `token` names. The hint of RFC 7009 §2.1 is not needed, since the two kinds cannot be confused.
    ///
    /// - Returns: `nil` for a token that is unknown, malformed or expired: there is nothing left to revoke (RFC 7009 §2.2).
    package func find(_ token: Span<UInt8>, for client: Client?, at now: UnixMilliseconds) throws(RevokeFailure)
        -> Revocable?
    {
        let signed = SignedTokens(context)
        if let verified = try? signed.verify(token, nil, at: now) {
            try checkOwner(verified.clientID.map { verified.text($0) }, client)
            guard signed.mayRevoke(verified) else { throw .notIssuedHere }
            return .access(jti: verified.jti, expiresAt: verified.expiresAt.milliseconds)
        }
        guard let claims = try? context.verifier.verifyRefresh(token, now: now) else { return nil }
        try checkOwner(claims.clientID, client)
        return .refresh(sid: claims.sid, sessionEnd: claims.sessionEnd.milliseconds)
    }

    /// - Parameter done: called once, when the revocation is durable or has failed.
    package func revoke(
        _ target: Revocable, done: @escaping @Sendable (Result<LedgerPosition, RevocationError>) -> Void
    ) {
        let state = context.authState
        let reason = RevocationReason.revoked.rawValue
        switch target {
        case .access(let jti, let expiresAt):
            state.counters.revocations.add(.token)
            state.revocations.revokeToken(jti, expiresAt: expiresAt, reason: reason, done)
        case .refresh(let sid, let sessionEnd):
            state.counters.revocations.add(.session)
            state.revocations.revokeSession(sid, expiresAt: sessionEnd, reason: reason, done)
        }
    }

    /// Any caller that has a first-party token may revoke it.
    private func checkOwner(_ owner: String?, _ client: Client?) throws(RevokeFailure) {
        do throws(OwnershipFailure) {
            try TokenOwnership.check(owner, client, firstParty: .anyCaller)
        } catch {
            throw .notOwner(error)
        }
    }
}
