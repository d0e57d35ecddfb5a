package import Encoding
package import Platform

/// A user who can log in.
package struct User: Equatable, Sendable {
    package let id: UUID
    package var name: String
    package var passwordHash: String
    package var roles: [String]
    package var scopes: [String]
    package var isDisabled: Bool
    /// Sessions that began earlier are rejected. Set when the user is disabled or gets a new
    /// password.
    package var sessionsFrom: UnixMilliseconds
    /// A JSON object of additional claims, with the bytes unchanged from the file.
    package var claims: [UInt8]

    package init(
        id: UUID, name: String, passwordHash: String, roles: [String] = [], scopes: [String] = [],
        isDisabled: Bool = false, sessionsFrom: UnixMilliseconds = 0, claims: [UInt8] = Array("{}".utf8)
    ) {
        self.id = id
        self.name = name
        self.passwordHash = passwordHash
        self.roles = roles
        self.scopes = scopes
        self.isDisabled = isDisabled
        self.sessionsFrom = sessionsFrom
        self.claims = claims
    }

    /// The part of a user's record that verification reads on every request.
    package struct Standing: Equatable, Sendable {
        package let isDisabled: Bool
        /// The same as ``User/sessionsFrom``.
        package let sessionsFrom: UnixMilliseconds
    }

    package var standing: Standing { Standing(isDisabled: isDisabled, sessionsFrom: sessionsFrom) }

    /// Claims that the server sets and that a user's record may not replace.
    package static let reservedClaims: Set<String> = [
        "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "client_id", "scope", "auth_time", "amr", "acr", "azp",
        "roles",
        "cnf", "act", "may_act", "gen", "sxp", "taud", "typ", "events", "nonce",
        // Members that introspection returns in addition to the claims (RFC 7662 §2.2).
        "active", "username", "token_type",
    ]
}
