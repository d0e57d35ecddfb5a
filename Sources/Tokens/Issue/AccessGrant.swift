package import Encoding
package import JOSE
package import Platform

/// Everything that determines an access token; for RS256 and HS256, equal grants under equal keys give identical
/// tokens, so that a repeated request returns the same token.
package struct AccessGrant: Sendable {
    package var subject: String
    package var clientID: String
    /// One name is written as a string, several as a list; never empty (RFC 9068 §2.2).
    package var audience: [String]
    /// Space-separated; omitted from the token when empty (RFC 9068 §2.2.3).
    package var scope: String
    package var sid: UUID
    /// The number of the last record that the issuer knew at the beginning; nil where identifiers are in the same order as
    /// records.
    package var birth: UInt64?
    package var generation: UInt32
    package var authTime: UnixSeconds
    package var methods: [String]
    package var roles: [String]
    /// A JSON object of additional claims, or empty. Members named like a ``Claim`` are omitted.
    package var extra: [UInt8]
    /// Also selects the signing key, so that a replay uses the same key.
    package var issuedAt: UnixMilliseconds
    /// Seconds.
    package var lifetime: Int64
    /// `exp` is never later.
    package var sessionEnd: UnixSeconds
    package var algorithm: Algorithm

    package init(
        subject: String, clientID: String, audience: [String], scope: String, sid: UUID, generation: UInt32,
        authTime: UnixSeconds, methods: [String], roles: [String], extra: [UInt8] = [], issuedAt: UnixMilliseconds,
        lifetime: Int64, sessionEnd: UnixSeconds = NumericDate.range.upperBound, algorithm: Algorithm
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

    /// Names that additional claims cannot have.
    package static let reservedClaims = Set(Claim.allCases.map(\.rawValue))

    /// The token's `exp`.
    package var expiresAt: UnixSeconds { min(issuedAt.seconds.adding(seconds: lifetime), sessionEnd) }
}
