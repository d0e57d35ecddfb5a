package import Accounts
import Encoding
package import JOSE
import Keys
package import Platform
import Revocation
import Tokens

/// Finds users whose access tokens would be too long, before their logins fail.
package struct CookieFit {
    package struct Misfit: Equatable, Sendable {
        package let user: String
        package let subject: String
        /// The claim that takes most of the token.
        package let claim: String
        package let byteCount: Int
    }

    /// Shorter values of a user always fit: what else is in a token, with the longest signature, takes less than the rest of
    /// the cookie.
    private static let certainByteCount = 1_000
    /// Signing takes time, and a start must not wait long for it.
    private static let trialCountMax = 1_000

    private let issuer: Issuer
    private let settings: AuthSettings
    /// Whether tokens have the claim `bsq`.
    private let hasBirth: Bool
    private let now: UnixMilliseconds

    /// Measures with the keys of the service.
    package init(_ context: LoopContext) {
        issuer = context.issuer
        settings = context.authState.settings
        hasBirth = context.authState.revocations.isShared
        now = context.authState.clock.now
    }

    /// Measures with new keys, for commands that run without those of the service.
    ///
    /// - Parameter isShared: whether other processes write the ledger of the service.
    package init(_ settings: AuthSettings, isShared: Bool = false, now: UnixMilliseconds) throws(KeyError) {
        let algorithm = Self.algorithm(settings)
        let keyring = try Keyring([
            try Key.generate(algorithm, purpose: .access, createdAt: now),
            try Key.generate(.hs256, purpose: .refresh, createdAt: now),
        ])
        issuer = try Issuer(keyring: keyring, issuer: settings.issuer)
        self.settings = settings
        hasBirth = isShared
        self.now = now
    }

    /// Whether a user has so little that no token of it needs to be measured.
    package static func isCertain(_ user: User, _ settings: AuthSettings) -> Bool {
        claims(of: user, settings).reduce(0) { $0 + $1.byteCount } <= certainByteCount
    }

    /// - Parameters:
    ///   - byteCountMax: how long an access token may be.
    ///   - countMax: how many users to name.
    package func misfits(among users: [User], byteCountMax: Int, countMax: Int) -> [Misfit] {
        var found: [Misfit] = []
        var trialCount = 0
        for user in users where !Self.isCertain(user, settings) {
            guard trialCount < Self.trialCountMax, found.count < countMax else { break }
            trialCount += 1
            if let misfit = misfit(user, byteCountMax: byteCountMax) { found.append(misfit) }
        }
        return found
    }

    /// - Returns: nil for a user whose access token is no longer than `byteCountMax`, or cannot be signed now.
    package func misfit(_ user: User, byteCountMax: Int) -> Misfit? {
        guard let byteCount = tokenByteCount(of: user), byteCount > byteCountMax else { return nil }
        let largest = Self.claims(of: user, settings).max { $0.byteCount < $1.byteCount }
        return Misfit(
            user: user.name, subject: user.id.description, claim: largest?.name ?? "", byteCount: byteCount)
    }

    private static func algorithm(_ settings: AuthSettings) -> Algorithm {
        let isShared = settings.audiences.first.map { settings.sharedSecretAudiences.contains($0) } ?? false
        return isShared ? .hs256 : settings.algorithm
    }

    private func tokenByteCount(of user: User) -> Int? {
        var grant = AccessGrant(
            subject: user.id.description, clientID: AuthState.firstPartyClient,
            audience: Array(settings.audiences.prefix(1)), scope: Scope(names: user.scopes).text, sid: user.id,
            generation: 0, authTime: now.seconds, methods: ["pwd"], roles: user.roles,
            extra: user.claims(within: settings.extraClaims), issuedAt: now, lifetime: settings.accessLifetime,
            algorithm: Self.algorithm(settings))
        // The longest that a number in a token can be.
        if hasBirth { grant.birth = (1 << 53) - 1 }
        do throws(IssueError) {
            return try issuer.accessToken(grant, now: now).count
        } catch {
            guard case .tokenTooLarge(let byteCount) = error else { return nil }
            return byteCount
        }
    }

    private static func claims(of user: User, _ settings: AuthSettings) -> [(name: String, byteCount: Int)] {
        var claims = [
            (name: "roles", byteCount: user.roles.reduce(0) { $0 + $1.utf8.count + 3 }),
            (name: "scope", byteCount: user.scopes.reduce(0) { $0 + $1.utf8.count + 1 }),
        ]
        let extra = user.claims(within: settings.extraClaims)
        var document = JSONDocument()
        guard !extra.isEmpty, (try? document.parse(extra.span)) != nil else { return claims }
        for member in document.members(0) {
            let name = document.string(member.name, in: extra.span) ?? ""
            claims.append((name, document.raw(member.value, in: extra.span).count + name.utf8.count + 4))
        }
        return claims
    }
}
