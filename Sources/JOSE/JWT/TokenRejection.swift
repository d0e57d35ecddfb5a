/// Why a token was rejected. Every case is caused by the token, never by the server.
///
/// Only the cases after ``signatureInvalid`` disclose anything about a token that this server issued.
package enum TokenRejection: Error, Equatable, Sendable {
    package enum Part: Equatable, Sendable {
        case separators, header, payload, signature
    }

    /// The token has more than ``CompactJWS/byteCountMax`` bytes.
    case tooLong(byteCount: Int)
    /// The token is not three canonical base64url parts, or a part is not strict JSON of the right structure.
    case malformed(Part)
    /// `alg` is unknown or not the one that the key is bound to (RFC 8725 §3.1); `none` in any spelling is unknown (RFC
    /// 8725 §3.2).
    case algNotAllowed
    case kidMissing
    /// No key of that name verifies at this time.
    case kidUnknown
    /// `crit` or `b64` requires an extension; none is supported (RFC 7515 §4.1.11, RFC 7797 §6).
    case criticalUnsupported
    case signatureInvalid
    /// The token is of another kind: its `typ` or the purpose of its key is not the expected one (RFC 8725 §3.11,
    /// §3.12).
    case typMismatch
    case issuerMismatch
    case audienceMismatch
    case claimMissing(Claim)
    /// A claim has the wrong JSON type or form.
    case claimInvalid(Claim)
    /// `nbf` is in the future.
    case notActive
    /// `exp` of an access token, or the absolute end of a refresh token's session, has passed.
    case expired
    /// A refresh token was not used within the idle lifetime.
    case idle
}

extension TokenRejection: CustomStringConvertible {
    package var description: String {
        switch self {
        case .tooLong(let count): "the token has \(count) bytes; the limit is \(CompactJWS.byteCountMax)"
        case .malformed(.separators): "the token does not have three parts"
        case .malformed(.header): "the token header is malformed"
        case .malformed(.payload): "the token payload is malformed"
        case .malformed(.signature): "the token signature is malformed"
        case .algNotAllowed: "the token algorithm is not allowed for its key"
        case .kidMissing: "the token names no key"
        case .kidUnknown: "no key with that kid verifies at this time"
        case .criticalUnsupported: "the token requires an extension that is not supported"
        case .signatureInvalid: "the token signature is invalid"
        case .typMismatch: "the token type is not accepted"
        case .issuerMismatch: "the token was issued by a different issuer"
        case .audienceMismatch: "the token is for a different audience"
        case .claimMissing(let claim): "the claim \(claim.rawValue) is missing"
        case .claimInvalid(let claim): "the claim \(claim.rawValue) is invalid"
        case .notActive: "the token is not active yet"
        case .expired: "the token has expired"
        case .idle: "the refresh token was unused for too long"
        }
    }
}
