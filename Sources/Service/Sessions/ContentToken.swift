import Accounts
import Encoding
import JOSE
import Keys
import Platform
package import Tokens

/// Issues one more access token of a session, for another audience than that of its cookies.
///
/// It says the same about the user and the session as the access token that it accompanies, and equal inputs give equal
/// bytes: a repeated refresh returns it again.
package struct ContentToken {
    private let context: LoopContext

    package init(_ context: LoopContext) {
        self.context = context
    }

    /// Whether a key signs tokens for this audience now.
    package func canIssue(for audience: String) -> Bool {
        SessionTokens(context).canSign(audience: audience, client: nil, at: context.authState.clock.now)
    }

    /// - Parameter pair: tokens of a user's own session, which were just issued.
    package func issue(for audience: String, like pair: TokenPair) throws(IssueError) -> [UInt8] {
        let now = context.authState.clock.now
        guard let session = try? SessionStanding(context).verify(pair.refreshToken.span, at: now),
            let payload = try? UnverifiedJWS(pair.accessToken.span).payload,
            (try? context.scratch.parse(payload.span)) != nil
        else { throw .noRefreshKey }
        let roles = context.scratch.member("roles", of: 0, in: payload.span).map { context.scratch.children($0) } ?? []
        let settings = context.authState.settings
        let grant = AccessGrant(
            subject: session.subject, clientID: session.clientID, audience: [audience], scope: pair.scope,
            sid: session.sid, generation: session.generation, authTime: session.authTime, methods: session.methods,
            roles: roles.compactMap { context.scratch.string($0, in: payload.span) },
            // Of the payload, only the members that are no claims of ours are written.
            extra: payload, issuedAt: session.issuedAt.milliseconds, lifetime: settings.accessLifetime,
            sessionEnd: session.sessionEnd, algorithm: context.authState.algorithm(audience: audience, client: nil))
        return try context.issuer.accessToken(grant, now: now)
    }
}
