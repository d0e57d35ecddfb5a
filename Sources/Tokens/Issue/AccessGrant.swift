package import Encoding
package import JOSE

/// Everything that decides an access token; equal grants under equal keys give equal octets for RS256 and HS256 (G5).
package struct AccessGrant: Sendable {
    /// Seconds; no access token lives longer, minted ones (`martlet mint --force`) included.
    package static let lifetimeMax: Int64 = 86_400

    package var subject: String
    package var clientID: String
    /// One name is written as a string, more as a list; never empty (D5).
    package var audience: [String]
    /// Space-separated; left out of the token when empty (D6).
    package var scope: String
    package var sid: UUID
    package var generation: UInt32
    /// Seconds since 1970.
    package var authTime: Int64
    package var methods: [String]
    package var roles: [String]
    /// A JSON object of further claims, or nothing. Members named like a ``Claim`` are left out: ours stand.
    package var extra: [UInt8]
    /// Milliseconds since 1970; also chooses the signing key, so that a replay finds the same one.
    package var issuedAt: Int64
    /// Seconds.
    package var lifetime: Int64
    /// Seconds since 1970; no token outlives its session.
    package var sessionEnd: Int64
    package var algorithm: Algorithm

    package init(
        subject: String, clientID: String, audience: [String], scope: String, sid: UUID, generation: UInt32,
        authTime: Int64, methods: [String], roles: [String], extra: [UInt8] = [], issuedAt: Int64, lifetime: Int64,
        sessionEnd: Int64 = NumericDate.range.upperBound, algorithm: Algorithm
    ) {
        self.subject = subject
        self.clientID = clientID
        self.audience = audience
        self.scope = scope
        self.sid = sid
        self.generation = generation
        self.authTime = authTime
        self.methods = methods
        self.roles = roles
        self.extra = extra
        self.issuedAt = issuedAt
        self.lifetime = lifetime
        self.sessionEnd = sessionEnd
        self.algorithm = algorithm
    }

    /// Names that further claims cannot have.
    package static let reservedClaims = Set(Claim.allCases.map(\.rawValue))

    /// The token's `exp` in seconds since 1970.
    package var expiresAt: Int64 { min(issuedAt / 1_000 &+ lifetime, sessionEnd) }
}
