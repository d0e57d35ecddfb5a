package import JOSE
package import Platform

/// Everything that determines a client's own access token (RFC 6749 §4.4): it has no session and no user.
package struct ClientGrant: Sendable {
    /// What the subject of every client begins with; no user's id or name does.
    package static let subjectPrefix = "client:"

    package var clientID: String
    /// Never empty.
    package var audience: [String]
    /// Space-separated; omitted from the token when empty.
    package var scope: String
    package var roles: [String]
    /// The upper half of the `jti`, a new UUIDv7: it contains the time with which revocations compare.
    package var identifierHigh: UInt64
    /// The number of the last record that the issuer knew at the beginning; nil where identifiers are in the same order as
    /// records.
    package var birth: UInt64?
    package var issuedAt: UnixMilliseconds
    /// Seconds.
    package var lifetime: Int64
    package var algorithm: Algorithm

    package init(
        clientID: String, audience: [String], scope: String, roles: [String], identifierHigh: UInt64,
        issuedAt: UnixMilliseconds, lifetime: Int64, algorithm: Algorithm
    ) {
        self.clientID = clientID
        self.audience = audience
        self.scope = scope
        self.roles = roles
        self.identifierHigh = identifierHigh
        self.issuedAt = issuedAt
        self.lifetime = lifetime
        self.algorithm = algorithm
    }

    package var subject: String { Self.subjectPrefix + clientID }
}
