package import Platform

/// A backend that authenticates to the server with a secret that the server generated.
package struct Client: Equatable, Sendable {
    package let id: String
    /// SHA-256 of each valid secret, at most two, so that a new one can be deployed before the old one is removed.
    package var secretHashes: [[UInt8]]
    /// A name for the operator.
    package var name: String?
    /// The audiences that the client may request; empty means all.
    package var audiences: [String]
    package var scopes: [String]
    /// `HS256` for a client that shares a secret with the server; `nil` for the server's default.
    package var algorithm: String?
    /// The values of `grant_type` by which the client may get tokens, apart from `refresh_token`.
    package var grants: [String]
    /// Seconds that the client's own tokens are valid; `nil` for the server's default.
    package var accessLifetime: Int64?
    /// The roles in the client's own tokens.
    package var roles: [String]
    /// Whether the client may open sessions for users that only it knows.
    package var opensForAnyUser: Bool
    package var isDisabled: Bool
    package var createdAt: UnixMilliseconds

    package init(
        id: String, secretHashes: [[UInt8]], name: String? = nil, audiences: [String] = [], scopes: [String] = [],
        algorithm: String? = nil, grants: [String] = [], accessLifetime: Int64? = nil, roles: [String] = [],
        opensForAnyUser: Bool = false, isDisabled: Bool = false, createdAt: UnixMilliseconds = 0
    ) {
        self.id = id
        self.secretHashes = secretHashes
        self.name = name
        self.audiences = audiences
        self.scopes = scopes
        self.algorithm = algorithm
        self.grants = grants
        self.accessLifetime = accessLifetime
        self.roles = roles
        self.opensForAnyUser = opensForAnyUser
        self.isDisabled = isDisabled
        self.createdAt = createdAt
    }

    /// The grant by which a client gets a token for itself (RFC 6749 §4.4).
    package static let clientCredentials = "client_credentials"

    /// The grant by which a client opens a session for a user whom it has authenticated itself.
    package static let session = "urn:martlet:grant-type:session"

    package static let grantTypes = [clientCredentials, session]

    /// The lifetime that a client's own tokens may have, in seconds.
    package static let accessLifetimes: ClosedRange<Int64> = 30...3_600

    package static let algorithms = [
        "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
        "EdDSA",
    ]
}
