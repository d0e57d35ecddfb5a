import Accounts
import JOSE
import Keys
import Platform
import Tokens

/// Signs the tokens of a session.
struct SessionTokens {
    private let context: LoopContext

    init(_ context: LoopContext) {
        self.context = context
    }

    /// Whether keys for both tokens exist, so that signing them will not fail for lack of one.
    func canSign(audience: String, client: Client?, at now: UnixMilliseconds) -> Bool {
        missingSigner(context.authState.algorithm(audience: audience, client: client), at: now) == nil
    }

    /// Signs both tokens of a session's generation; equal inputs give equal bytes.
    func issue(
        _ session: RefreshClaims, scope: String, audience: String, to user: User, client: Client?
    ) throws(IssueError) -> TokenPair {
        let settings = context.authState.settings
        let now = context.authState.clock.now
        let algorithm = context.authState.algorithm(audience: audience, client: client)
        if let missing = missingSigner(algorithm, at: now) { throw missing }
        var access = AccessGrant(
            subject: session.subject, clientID: session.clientID, audience: [audience], scope: scope, sid: session.sid,
            generation: session.generation, authTime: session.authTime, methods: session.methods, roles: user.roles,
            extra: user.claims(within: settings.extraClaims), issuedAt: session.issuedAt.milliseconds,
            lifetime: settings.accessLifetime, sessionEnd: session.sessionEnd, algorithm: algorithm)
        access.birth = session.birth
        return TokenPair(
            accessToken: try context.issuer.accessToken(access, now: now),
            refreshToken: try context.issuer.refreshToken(session, now: now),
            issuedAt: session.issuedAt, expiresIn: access.expiresAt.seconds(since: session.issuedAt),
            refreshExpiresIn: session.expiresAt.seconds(since: session.issuedAt), sid: session.sid,
            subject: session.subject, scope: scope)
    }

    /// A token that a revoked key signed would be rejected at once, so such a key counts as missing.
    private func missingSigner(_ algorithm: Algorithm, at now: UnixMilliseconds) -> IssueError? {
        let state = context.authState
        if state.signer(for: algorithm, in: context.keyring, at: now) == nil { return .noSigningKey(algorithm) }
        return state.refreshSigner(in: context.keyring, at: now) == nil ? .noRefreshKey : nil
    }
}
