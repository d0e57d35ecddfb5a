package import Tokens

/// What a caller requires of a token in addition to being valid.
package struct VerifyExpectations: Sendable {
    /// One of the configured audiences; `nil` accepts each of them.
    package var audience: AudienceExpectation?
    /// Scopes that must all be granted.
    package var scopes: [[UInt8]] = []
    /// Roles that the user must all have.
    package var roles: [String] = []
    /// Seconds since the user gave the password.
    package var ageMax: Int64?

    /// `nil` unless the caller names an issuer, a subject, a client or other claims.
    package var claims: ExpectedClaims?

    package init() {}

    var isPlain: Bool { scopes.isEmpty && roles.isEmpty && ageMax == nil && claims == nil }
}

/// The values that a caller requires of single claims.
///
/// Immutable, and a class, so that expectations without it stay small.
package final class ExpectedClaims: Sendable {
    package let issuer: [UInt8]?
    package let subject: [UInt8]?
    package let clientID: [UInt8]?
    /// Claims that the token must have, with a value other than `null`.
    package let required: [ClaimPath]
    package let values: [ClaimExpectation]

    package init(
        issuer: [UInt8]? = nil, subject: [UInt8]? = nil, clientID: [UInt8]? = nil, required: [ClaimPath] = [],
        values: [ClaimExpectation] = []
    ) {
        self.issuer = issuer
        self.subject = subject
        self.clientID = clientID
        self.required = required
        self.values = values
    }
}
