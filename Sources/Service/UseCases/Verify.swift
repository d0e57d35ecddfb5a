import Accounts
import Encoding
import JOSE
import Revocation
package import Tokens

/// What a caller asks of a token beyond being valid.
package struct VerifyExpectations: Sendable {
    /// One of the configured audiences; `nil` takes any of them.
    package var audience: AudienceExpectation?
    /// Every one of these must be granted.
    package var scopes: [[UInt8]] = []
    /// Every one of these must be held.
    package var roles: [String] = []
    /// Seconds since the password was given.
    package var ageMax: Int64?

    package init() {}

    var isPlain: Bool { scopes.isEmpty && roles.isEmpty && ageMax == nil }
}

extension LoopContext {
    /// Verifies an access token: structure, key, signature, claims, account, denylist, expectations, in this order.
    ///
    /// Reads memory only. The payload stays readable in ``payload`` until the next call.
    package func verify(
        _ token: Span<UInt8>, _ expectations: VerifyExpectations, at now: Int64
    ) throws(VerifyFailure) -> VerifiedClaims {
        let claims: VerifiedClaims
        do throws(TokenRejection) {
            claims = try verifySigned(token, expectations.audience, at: now)
        } catch {
            throw .rejected(error)
        }
        try checkStanding(claims, in: verifier.payload, at: now)
        if !expectations.isPlain { try check(claims, expectations, at: now) }
        return claims
    }

    /// Whether the account, the session and the token itself still stand (E8, E9).
    private func checkStanding(
        _ claims: VerifiedClaims, in payload: [UInt8], at now: Int64
    ) throws(VerifyFailure) {
        let octets = payload.span
        let subject = octets.extracting(claims.subject)
        if let sid = claims.sid {
            guard let id = UUID(subject) else { throw .accountEnded }
            guard let standing = users.standing(of: id), standing.admits(session: sid) else { throw .accountEnded }
            try checkBegun(sid, at: now)
        }
        let client = octets.extracting(claims.clientID ?? 0..<0)
        let kid = kids[claims.keyIndex]
        let denial = authState.revocations.denial(
            jti: claims.jti, sid: claims.sid, issuedAt: claims.issuedAt &* 1_000, expiresAt: claims.expiresAt &* 1_000,
            subject: subject, client: client, kid: kid.span)
        if let denial { throw .revoked(denial) }
    }

    /// A session of a clock that was ahead is not valid before its time has come: a cut that was made since would pass it by.
    private func checkBegun(_ sid: UUID, at now: Int64) throws(VerifyFailure) {
        guard sid.milliseconds > now else { return }
        guard !authState.revocations.isAhead(sid, at: now, leeway: authState.settings.leeway &* 1_000) else {
            throw .rejected(.notActive)
        }
    }

    private func check(
        _ claims: VerifiedClaims, _ expectations: VerifyExpectations, at now: Int64
    ) throws(VerifyFailure) {
        if let ageMax = expectations.ageMax {
            guard let authTime = claims.authTime, now / 1_000 &- authTime <= ageMax else { throw .authenticationTooOld }
        }
        let payload = verifier.payload
        let granted = payload[claims.scope ?? 0..<0].split(separator: UInt8(ascii: " "))
        guard expectations.scopes.allSatisfy({ wanted in granted.contains { $0.elementsEqual(wanted) } }) else {
            throw .scopeInsufficient
        }
        if !expectations.roles.isEmpty {
            let held = verifier.roles()
            guard expectations.roles.allSatisfy(held.contains) else { throw .roleInsufficient }
        }
    }
}
