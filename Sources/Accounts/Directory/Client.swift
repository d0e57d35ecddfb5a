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
    package var isDisabled: Bool
    package var createdAt: UnixMilliseconds

    package init(
        id: String, secretHashes: [[UInt8]], name: String? = nil, audiences: [String] = [], scopes: [String] = [],
        algorithm: String? = nil, isDisabled: Bool = false, createdAt: UnixMilliseconds = 0
    ) {
        self.id = id
        self.secretHashes = secretHashes
        self.name = name
        self.audiences = audiences
        self.scopes = scopes
        self.algorithm = algorithm
        self.isDisabled = isDisabled
        self.createdAt = createdAt
    }

    package static let algorithms = [
        "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
        "EdDSA",
    ]
}
