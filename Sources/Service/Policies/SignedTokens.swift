import Accounts
import Encoding
import JOSE
import Platform
import Revocation
import Tokens

/// Verifies signatures, and limits tokens that were signed with a shared HMAC secret: every client that can check such a
/// token can also make one.
struct SignedTokens {
    private let context: LoopContext

    init(_ context: LoopContext) {
        self.context = context
    }

    /// Verifies signature and claims of an access token, and that its key may be used for every audience in it.
    ///
    /// Every endpoint that accepts an access token calls this first.
    /// - Parameter audience: `nil` accepts every configured one.
    func verify(
        _ token: Span<UInt8>, _ audience: AudienceExpectation?, at now: UnixMilliseconds
    ) throws(TokenRejection) -> VerifiedToken {
        let verified = try context.verifier.verify(token, audience: audience ?? context.audiences, now: now)
        if isShared(verified) { try checkSharing(verified) }
        return verified
    }

    /// The claim `bsq`. Who has a shared secret could write any number, so only ids count there.
    @inline(__always)
    func birth(of token: VerifiedToken) -> UInt64? {
        token.birth.flatMap { isShared(token) ? nil : $0 }
    }

    /// Whether clients may have the key: the server shares every HMAC secret except the one that signs all its tokens.
    private func isShared(_ token: VerifiedToken) -> Bool {
        token.algorithm.isMAC && token.algorithm != context.authState.settings.algorithm
    }

    /// An HMAC token is valid only if *every* audience in it is shared, or if its client is enabled, has the token's
    /// algorithm and may use every one of them. A shared audience does not make the others valid.
    private func checkSharing(_ token: VerifiedToken) throws(TokenRejection) {
        let named = token.audiences(using: &context.scratch)
        let settings = context.authState.settings
        if token.algorithm == .hs256, Self.all(named, in: settings.sharedSecretAudiences) { return }
        let owner = token.text(token.clientID)
        guard token.clientID != nil, let client = context.clients.client(id: owner), client.id.isSpelled(as: owner),
            !client.isDisabled, client.algorithm == token.algorithm.rawValue, Self.all(named, in: settings.audiences),
            client.audiences.isEmpty || Self.all(named, in: client.audiences)
        else { throw .algNotAllowed }
    }

    private static func all(_ names: [String], in known: some Collection<String>) -> Bool {
        !names.isEmpty && names.allSatisfy { name in known.contains { $0.isSpelled(as: name) } }
    }

    /// Refreshes of a session after which an access token of an earlier generation is no longer recognized.
    private static let generationCountMax: UInt32 = 1_024

    /// Whether a token may end something beyond itself.
    ///
    /// A token that only this server can sign may. One of a shared secret may only if this server issued it: its `jti` is
    /// derived, with a secret that never leaves the server, from all that says what the token may end. A client that has the
    /// shared secret therefore cannot write a token for another session, subject or client.
    func mayRevoke(_ token: VerifiedToken) -> Bool {
        guard isShared(token) else { return true }
        guard let owner = token.clientID else { return false }
        guard let sid = token.sid else {
            guard ClientStanding.isClient(token.payload.span.extracting(token.subject)) else { return false }
            return context.issuer.hasIssued(
                token.jti, audience: token.audiences(using: &context.scratch), toClient: token.text(owner))
        }
        let newest = context.authState.revocations.generation(of: sid)
        let identity = TokenIdentity(
            sid: sid, audience: token.audiences(using: &context.scratch), subject: token.text(token.subject),
            clientID: token.text(owner))
        return context.issuer.hasIssued(
            token.jti, identity, generations: (newest - min(newest, Self.generationCountMax))...newest)
    }
}
