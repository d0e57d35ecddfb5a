package import Accounts
import Encoding
import Platform
import Tokens

/// Finds users whose access tokens do not fit into a cookie, before their logins fail.
package struct CookieFit {
    package struct Misfit: Equatable, Sendable {
        package let user: String
        package let subject: String
        /// The claim that takes most of the token.
        package let claim: String
    }

    /// Shorter values of a user always fit: what else is in a token, with the longest signature, takes less than the rest of
    /// the cookie.
    private static let certainByteCount = 1_000
    /// Signing takes time, and a start must not wait long for it.
    private static let trialCountMax = 1_000

    private let context: LoopContext

    package init(_ context: LoopContext) {
        self.context = context
    }

    /// - Parameters:
    ///   - byteCountMax: how long an access token may be.
    ///   - countMax: how many users to name.
    package func misfits(among users: [User], byteCountMax: Int, countMax: Int) -> [Misfit] {
        var found: [Misfit] = []
        var trialCount = 0
        for user in users {
            let claims = claims(of: user)
            guard claims.reduce(0, { $0 + $1.byteCount }) > Self.certainByteCount else { continue }
            guard trialCount < Self.trialCountMax, found.count < countMax else { break }
            trialCount += 1
            guard let byteCount = tokenByteCount(of: user), byteCount > byteCountMax else { continue }
            let largest = claims.max { $0.byteCount < $1.byteCount }
            found.append(Misfit(user: user.name, subject: user.id.description, claim: largest?.name ?? ""))
        }
        return found
    }

    /// - Returns: nil if the token cannot be signed now.
    private func tokenByteCount(of user: User) -> Int? {
        let state = context.authState
        let now = state.clock.now.seconds
        let end = now.adding(seconds: state.settings.sessionMax)
        let session = RefreshClaims(
            sid: user.id, generation: 0, subject: user.id.description, clientID: AuthState.firstPartyClient,
            issuedAt: now, expiresAt: end, sessionEnd: end, audience: [state.settings.audiences[0]],
            scope: Scope(names: user.scopes).text, authTime: now, methods: ["pwd"])
        do throws(IssueError) {
            let pair = try SessionTokens(context).issue(
                session, scope: session.scope, audience: state.settings.audiences[0], to: user, client: nil)
            return pair.accessToken.count
        } catch {
            guard case .tokenTooLarge(let byteCount) = error else { return nil }
            return byteCount
        }
    }

    private func claims(of user: User) -> [(name: String, byteCount: Int)] {
        let extra = user.claims(within: context.authState.settings.extraClaims)
        var claims = [
            (name: "roles", byteCount: user.roles.reduce(0) { $0 + $1.utf8.count + 3 }),
            (name: "scope", byteCount: user.scopes.reduce(0) { $0 + $1.utf8.count + 1 }),
        ]
        guard !extra.isEmpty, (try? context.scratch.parse(extra.span)) != nil else { return claims }
        for member in context.scratch.members(0) {
            let name = context.scratch.string(member.name, in: extra.span) ?? ""
            claims.append((name, context.scratch.raw(member.value, in: extra.span).count + name.utf8.count + 4))
        }
        return claims
    }
}
