package import Encoding
package import JOSE
package import Keys

/// Verifies tokens: synchronous, without I/O and without a clock.
///
/// Each event loop owns one: its buffers and contexts are reused, so that a valid HS256 token allocates nothing here. A
/// change of keys makes a new one.
package final class Verifier {
    package let keyring: Keyring
    private var core: VerifierCore

    /// - Parameters:
    ///   - issuer: the only accepted `iss` (RFC 9068 §4).
    ///   - leeway: seconds by which the current time may be past `exp` or before `nbf`, 0 to 60.
    package init(keyring: Keyring, issuer: String, leeway: Int64) throws(KeyError) {
        self.keyring = keyring
        core = try VerifierCore(keyring: keyring, issuer: issuer, leeway: leeway)
    }

    /// Verifies an access token (RFC 9068 §4): structure, key, signature, then claims.
    ///
    /// - Parameter now: milliseconds since 1970.
    package func verify(
        _ token: Span<UInt8>, audience: AudienceExpectation, now: Int64
    ) throws(TokenRejection) -> VerifiedClaims {
        try core.verify(token, audience: audience, now: now)
    }

    /// Verifies a refresh token. No leeway, because the server itself issued the token with the same clock.
    ///
    /// - Parameter now: milliseconds since 1970.
    package func verifyRefresh(_ token: Span<UInt8>, now: Int64) throws(TokenRejection) -> RefreshClaims {
        try core.verifyRefresh(token, now: now)
    }

    /// The decoded payload of the last token, as signed: one JSON object.
    package var payload: [UInt8] { core.payload }

    /// Appends ``payload`` to `output`.
    package func writePayload(to output: inout [UInt8]) {
        core.writePayload(to: &output)
    }

    /// The parsed ``payload``, for reading other claims.
    package var document: JSONDocument { core.document }

    /// Returns the `aud` of the last verified token, as a list.
    package func audiences() -> [String] { core.audiences() }

    /// Returns the `roles` of the last verified token; empty if it has none, or if they are not a list of strings.
    package func roles() -> [String] { core.roles() }

    /// The issuer that the last token named, valid or not; nil unless it is a short string.
    package func namedIssuer() -> String? { core.namedIssuer() }

    /// Whether the `roles` of the token verified last name `role`.
    package func hasRole(_ role: [UInt8]) -> Bool { core.hasRole(role) }
}
