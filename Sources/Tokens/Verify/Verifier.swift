package import Encoding
package import JOSE
package import Keys

/// Decides about tokens: pure, synchronous, no I/O, no clock.
///
/// One event loop owns one: its buffers and contexts are reused, so that a good HS256 token allocates nothing here.
/// A change of keys makes a new one.
package final class Verifier {
    package let keyring: Keyring
    private var core: VerifierCore

    /// - Parameters:
    ///   - issuer: the only `iss` that is accepted (E5).
    ///   - leeway: seconds by which `exp` and `nbf` may be missed, 0 to 60.
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

    /// Verifies a refresh token, which only the service itself may present to itself. No leeway: the clock is our own.
    ///
    /// - Parameter now: milliseconds since 1970.
    package func verifyRefresh(_ token: Span<UInt8>, now: Int64) throws(TokenRejection) -> RefreshClaims {
        try core.verifyRefresh(token, now: now)
    }

    /// The payload of the token verified last, as it was signed: one JSON object.
    package var payload: [UInt8] { core.payload }

    /// Appends ``payload``.
    package func writePayload(to output: inout [UInt8]) {
        core.writePayload(to: &output)
    }

    /// The tape over ``payload``, for reading further claims.
    package var document: JSONDocument { core.document }

    /// The `aud` of the token verified last, as a list.
    package func audiences() -> [String] { core.audiences() }

    /// The `roles` of the token verified last; empty if it has none, or no list of strings.
    package func roles() -> [String] { core.roles() }

    /// The issuer that the last token named, valid or not; nil unless it is a short string.
    package func namedIssuer() -> String? { core.namedIssuer() }

    /// Whether the `roles` of the token verified last name `role`.
    package func hasRole(_ role: [UInt8]) -> Bool { core.hasRole(role) }
}
