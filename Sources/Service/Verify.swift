import Accounts
import Octets
import Revocation
package import Token

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

extension Desk {
    /// Verifies an access token: structure, key, signature, claims, account, denylist, expectations, in this order.
    ///
    /// Reads memory only. The payload stays readable in ``payload`` until the next call.
    package func verify(
        _ token: Span<UInt8>, _ expectations: VerifyExpectations, at now: Int64
    ) throws(VerifyFailure) -> VerifiedClaims {
        let verifier = verifier
        let claims: VerifiedClaims
        do throws(TokenRejection) {
            if let audience = expectations.audience {
                claims = try verifier.verify(token, audience: audience, now: now)
            } else {
                claims = try verifier.verify(token, audience: audiences, now: now)
            }
        } catch {
            throw .rejected(error)
        }
        if claims.algorithm.isMAC, claims.algorithm != realm.settings.algorithm { try checkSharing(claims) }
        try checkStanding(claims, in: verifier.payload)
        if !expectations.isPlain { try check(claims, expectations, at: now) }
        return claims
    }

    /// Whoever checks HMAC tokens can also make them, so a shared secret speaks only for the audiences and clients that it is
    /// shared with (B1).
    private func checkSharing(_ claims: VerifiedClaims) throws(VerifyFailure) {
        let owner = claims.clientID.map { String(decoding: payload[$0], as: UTF8.self) }
        let client = owner.flatMap { clients.client(id: $0) }
        let isShared = verifier.audiences().contains {
            realm.algorithm(audience: $0, client: client) == claims.algorithm
        }
        guard isShared else { throw .rejected(.algNotAllowed) }
    }

    /// Whether the account, the session and the token itself still stand (E8, E9).
    private func checkStanding(_ claims: VerifiedClaims, in payload: [UInt8]) throws(VerifyFailure) {
        let octets = payload.span
        let subject = octets.extracting(claims.subject)
        if let sid = claims.sid {
            guard let id = UUID(subject) else { throw .accountEnded }
            guard let standing = users.standing(of: id), standing.admits(session: sid) else { throw .accountEnded }
        }
        let client = octets.extracting(claims.clientID ?? 0..<0)
        let kid = kids[claims.keyIndex]
        let denial = realm.revocations.denial(
            jti: claims.jti, sid: claims.sid, issuedAt: claims.issuedAt &* 1_000, expiresAt: claims.expiresAt &* 1_000,
            subject: subject, client: client, kid: kid.span)
        if let denial { throw .revoked(denial) }
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
