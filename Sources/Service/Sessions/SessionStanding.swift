import Accounts
import Encoding
import JOSE
import Platform
import Revocation
import Tokens

/// Whether the session of a refresh token is still valid.
struct SessionStanding {
    private let context: LoopContext

    init(_ context: LoopContext) {
        self.context = context
    }

    /// Verifies a refresh token whose session is within the current limit: a session that began under a longer limit ends
    /// with the shorter one, so revocations need not be remembered for longer than that.
    func verify(_ token: Span<UInt8>, at now: UnixMilliseconds) throws(TokenRejection) -> RefreshClaims {
        let settings = context.authState.settings
        let claims = try context.verifier.verifyRefresh(token, now: now)
        guard now.seconds < claims.authTime.adding(seconds: settings.sessionMax) else { throw .expired }
        guard !context.authState.revocations.isAhead(claims.sid, at: now, leewaySeconds: settings.leeway) else {
            throw .notActive
        }
        return claims
    }

    /// The revocation that includes the session, if there is one.
    func denial(of claims: RefreshClaims) -> Denial? {
        let subject = Array(claims.subject.utf8)
        let client = Array(claims.clientID.utf8)
        let kid = Array(claims.kid.utf8)
        return context.authState.revocations.denial(
            sid: claims.sid, issuedAt: 0, birth: claims.birth, subject: subject.span, client: client.span, kid: kid.span)
    }

    /// Why the user or, for a user whom only the client knows, the client has ended the session.
    func end(of claims: RefreshClaims) -> RefreshFailure? {
        guard user(of: claims) == nil else { return nil }
        guard ExternalUsers.isSubject(claims.subject) else { return .accountEnded }
        return externalUser(of: claims) == nil ? .revoked(.client) : nil
    }

    /// What the tokens of a user contain whom only the client knows; `nil` for other users, and if the session has ended.
    func externalUser(of claims: RefreshClaims) -> User? {
        ExternalUsers.admittingClient(of: claims.subject, claims.clientID, in: context.clients)
            .map(ExternalUsers.user(of:))
    }

    /// The user of the session, if the account is enabled and has not ended the session.
    func user(of claims: RefreshClaims) -> UUID? {
        guard let id = UUID(claims.subject), let standing = context.accounts.standing(of: id),
            standing.admits(session: claims.sid)
        else { return nil }
        return id
    }
}

extension AuthState {
    /// The latest time at which any token of a session can still be valid.
    func latestEnd(of sid: UUID) -> UnixMilliseconds {
        TokenLimits.standard.acceptedUntil(revocations.latestEnd(of: sid), leeway: settings.leeway)
    }
}
