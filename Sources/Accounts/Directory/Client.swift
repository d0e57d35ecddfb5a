/// A backend that authenticates to us with a secret that we made.
package struct Client: Equatable, Sendable {
    package let id: String
    /// SHA-256 of each secret that is good, at most two, so that a new one can be brought in before the old one goes.
    package var secretHashes: [[UInt8]]
    /// For people.
    package var name: String?
    /// Which audiences it may ask for; empty means every one.
    package var audiences: [String]
    package var scopes: [String]
    /// `HS256` for a client that shares a secret with us on purpose; `nil` for the service's default.
    package var algorithm: String?
    package var isDisabled: Bool
    /// Milliseconds since 1970.
    package var createdAt: Int64

    package init(
        id: String, secretHashes: [[UInt8]], name: String? = nil, audiences: [String] = [], scopes: [String] = [],
        algorithm: String? = nil, isDisabled: Bool = false, createdAt: Int64 = 0
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
