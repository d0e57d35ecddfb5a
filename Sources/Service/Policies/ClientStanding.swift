import Accounts
import Encoding
import JOSE
import Platform
import Revocation
import Tokens

/// Whether a client's own token is still valid: the client must exist, be enabled and not be revoked.
struct ClientStanding {
    private static let prefix = Array(ClientGrant.subjectPrefix.utf8)
    private let context: LoopContext

    init(_ context: LoopContext) {
        self.context = context
    }

    /// Whether the subject is a client. No user's id looks like this.
    static func isClient(_ subject: Span<UInt8>) -> Bool {
        subject.count > prefix.count && subject.extracting(0..<prefix.count).hasSameBytes(as: prefix.span)
    }

    func check(_ token: VerifiedToken, at now: UnixMilliseconds) throws(VerifyFailure) {
        let id = token.text(token.clientID)
        guard token.text(token.subject).isSpelled(as: ClientGrant.subjectPrefix + id),
            let client = context.clients.client(id: id), client.id.isSpelled(as: id), !client.isDisabled
        else { throw .revoked(.client) }
        let state = context.authState
        // Signed while the clock was ahead: a revocation that was made since then would not include it.
        guard
            !token.jti.isVersion7
                || !state.revocations.isAhead(token.jti, at: now, leewaySeconds: state.settings.leeway)
        else { throw .rejected(.notActive) }
        try checkRevocations(token)
    }

    /// Whether the token is revoked, whatever is known of its client.
    func checkRevocations(_ token: VerifiedToken) throws(VerifyFailure) {
        let payload = token.payload.span
        let state = context.authState
        let denial = state.revocations.denial(
            ofClientToken: token.jti, issuedAt: token.issuedAt.milliseconds,
            birth: SignedTokens(context).birth(of: token),
            expiresAt: token.expiresAt.milliseconds,
            subject: payload.extracting(token.subject), client: payload.extracting(token.clientID ?? 0..<0),
            kid: token.kid.span)
        if let denial { throw .revoked(denial) }
    }
}
