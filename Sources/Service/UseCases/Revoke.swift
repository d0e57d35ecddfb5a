package import Accounts
package import Encoding
package import Revocation
import Telemetry
import Tokens

/// What a token presented to `/revoke` turned out to be.
package enum Revocable: Equatable, Sendable {
    case access(jti: UUID, expiresAt: Int64)
    case refresh(sid: UUID, sessionEnd: Int64)
}

package enum RevokeFailure: Error, Sendable {
    case clientUnauthenticated
    case clientNotAllowed
    /// An access token signed with a shared secret that this server did not issue.
    case notIssuedHere
}

extension LoopContext {
    /// Finds what `token` names; the hint of RFC 7009 §2.1 is not needed, since the two kinds cannot be confused.
    ///
    /// - Returns: `nil` for a token that is unknown, broken or past its end: there is nothing left to revoke (RFC 7009 §2.2).
    package func revocable(_ token: Span<UInt8>, for client: Client?, at now: Int64) throws(RevokeFailure) -> Revocable?
    {
        if let claims = try? verifySigned(token, nil, at: now) {
            let owner = claims.clientID.map { String(decoding: verifier.payload[$0], as: UTF8.self) }
            try checkOwner(owner, client)
            guard mayRevoke(claims) else { throw .notIssuedHere }
            return .access(jti: claims.jti, expiresAt: claims.expiresAt &* 1_000)
        }
        guard let claims = try? verifier.verifyRefresh(token, now: now) else { return nil }
        try checkOwner(claims.clientID, client)
        return .refresh(sid: claims.sid, sessionEnd: claims.sessionEnd &* 1_000)
    }

    /// - Parameter done: runs once, when the revocation is durable or could not be made so.
    package func revoke(_ target: Revocable, done: @escaping @Sendable (Result<UInt64, RevocationError>) -> Void) {
        switch target {
        case .access(let jti, let expiresAt):
            authState.counters.revocations.add(.token)
            authState.revocations.revokeToken(
                jti, expiresAt: expiresAt, reason: RevocationReason.revoked.rawValue, done)
        case .refresh(let sid, let sessionEnd):
            authState.counters.revocations.add(.session)
            authState.revocations.revokeSession(
                sid, expiresAt: sessionEnd, reason: RevocationReason.revoked.rawValue, done)
        }
    }

    /// A token may be revoked by the client it was issued to; a first-party token by whoever holds it (H3).
    private func checkOwner(_ owner: String?, _ client: Client?) throws(RevokeFailure) {
        guard let owner, owner != AuthState.firstPartyClient, owner != client?.id else { return }
        guard client != nil else { throw .clientUnauthenticated }
        throw .clientNotAllowed
    }
}
