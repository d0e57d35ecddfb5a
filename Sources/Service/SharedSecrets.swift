import Accounts
import Encoding
import JOSE
import Revocation
import Tokens

/// What a holder of a shared HMAC secret may do: everyone who can check an HMAC token can also make one.
extension LoopContext {
    /// Verifies signature and claims of an access token, and that its key may speak for every audience it names.
    ///
    /// Every endpoint that accepts an access token calls this first.
    /// - Parameter audience: `nil` accepts every configured one.
    func verifySigned(
        _ token: Span<UInt8>, _ audience: AudienceExpectation?, at now: Int64
    ) throws(TokenRejection) -> VerifiedClaims {
        let claims = try verifier.verify(token, audience: audience ?? audiences, now: now)
        if isShared(claims) { try checkSharing(claims) }
        return claims
    }

    /// Whether others may have the key: the service shares every HMAC secret but the one it signs all its tokens with.
    private func isShared(_ claims: VerifiedClaims) -> Bool {
        claims.algorithm.isMAC && claims.algorithm != authState.settings.algorithm
    }

    /// An HMAC token is valid only if *every* audience in it is shared, or if its client is enabled, has the token's
    /// algorithm and may use every one of them. One shared audience beside others opens none.
    private func checkSharing(_ claims: VerifiedClaims) throws(TokenRejection) {
        let named = verifier.audiences()
        if claims.algorithm == .hs256, Self.all(named, in: authState.settings.sharedSecretAudiences) { return }
        guard let owner = claims.clientID.map({ String(decoding: payload[$0], as: UTF8.self) }),
            let client = clients.client(id: owner), client.id.isSpelled(as: owner), !client.isDisabled,
            client.algorithm == claims.algorithm.rawValue, Self.all(named, in: authState.settings.audiences),
            client.audiences.isEmpty || Self.all(named, in: client.audiences)
        else { throw .algNotAllowed }
    }

    private static func all(_ names: [String], in known: some Collection<String>) -> Bool {
        !names.isEmpty && names.allSatisfy { name in known.contains { $0.isSpelled(as: name) } }
    }

    /// Refreshes of a session after which an access token of an earlier generation is no longer recognized.
    private static let generationCountMax: UInt32 = 1_024

    /// Whether the token verified last may end something beyond itself.
    ///
    /// A token that only this server can sign may. One of a shared secret may only if this server issued it: its `jti` is
    /// derived, with a secret that never leaves the server, from all that says what the token may end, so a holder of the
    /// shared secret cannot write another session, subject or client beside it.
    func mayRevoke(_ claims: VerifiedClaims) -> Bool {
        guard isShared(claims) else { return true }
        guard let sid = claims.sid, let owner = claims.clientID else { return false }
        let newest = authState.revocations.generation(of: sid)
        let identity = TokenIdentity(
            sid: sid, audience: verifier.audiences(), subject: String(decoding: payload[claims.subject], as: UTF8.self),
            clientID: String(decoding: payload[owner], as: UTF8.self))
        return issuer.hasIssued(
            claims.jti, identity, generations: (newest - min(newest, Self.generationCountMax))...newest)
    }
}
