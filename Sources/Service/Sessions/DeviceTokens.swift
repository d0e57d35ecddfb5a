import Accounts
import Encoding
import Platform
import Revocation
import Tokens

/// Issues and checks the tokens of devices on which users have logged in.
///
/// Nothing is stored: a device token is valid until it expires, as long as its key verifies and neither its key nor the
/// sessions of its user from that time were revoked.
struct DeviceTokens {
    private let context: LoopContext

    init(_ context: LoopContext) {
        self.context = context
    }

    /// - Parameter id: drawn before the session's identifier.
    func issue(_ id: UUID, to user: User, at now: UnixSeconds) throws(IssueError) -> [UInt8] {
        let claims = DeviceClaims(
            id: id, subject: user.id.description, issuedAt: now,
            expiresAt: now.adding(seconds: TokenLimits.standard.deviceLifetime))
        return try context.issuer.deviceToken(claims, now: context.authState.clock.now)
    }

    /// Returns the identifier of a device token of the named user, or `nil` for everything else.
    ///
    /// It does not matter why a token is not valid: the login then continues without it.
    func identifier(_ token: Span<UInt8>, of username: String, at now: UnixMilliseconds) -> UUID? {
        guard token.count <= Issuer.byteCountMax, let claims = try? context.verifier.verifyDevice(token, now: now),
            let user = UUID(claims.subject), context.accounts.name(of: user) == username,
            let standing = context.accounts.standing(of: user), standing.admits(session: claims.id)
        else { return nil }
        let (subject, kid) = (Array(claims.subject.utf8), Array(claims.kid.utf8))
        let state = context.authState
        guard !state.revocations.isAhead(claims.id, at: now, leewaySeconds: state.settings.leeway),
            state.revocations.denial(ofDevice: claims.id, subject: subject.span, kid: kid.span) == nil
        else { return nil }
        return claims.id
    }
}
