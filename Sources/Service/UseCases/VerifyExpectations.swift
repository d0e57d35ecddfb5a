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

    package init() {}

    var isPlain: Bool { scopes.isEmpty && roles.isEmpty && ageMax == nil }
}
