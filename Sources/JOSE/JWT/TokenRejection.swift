/// Why a token was refused. Each case is the caller's fault, never ours.
///
/// Only cases after ``signatureInvalid`` say anything about a token that we issued.
package enum TokenRejection: Error, Equatable, Sendable {
    package enum Part: Equatable, Sendable {
        case separators, header, payload, signature
    }

    /// More than ``CompactJWS/byteCountMax`` octets.
    case tooLong(byteCount: Int)
    /// Not three canonical base64url parts, or not strict JSON of the right shape inside.
    case malformed(Part)
    /// `alg` is unknown or not the one that the key is bound to; `none` in every spelling is among them (A8, B2).
    case algNotAllowed
    case kidMissing
    /// No key of that name verifies at this time.
    case kidUnknown
    /// `crit` or `b64` asks for an extension; none is implemented (A9, A10).
    case criticalUnsupported
    case signatureInvalid
    /// Another kind of token: its `typ`, or the purpose of its key, is not what was asked for (E7, D9).
    case typMismatch
    case issuerMismatch
    case audienceMismatch
    case claimMissing(Claim)
    /// A claim of the wrong JSON type or form.
    case claimInvalid(Claim)
    /// `nbf` lies ahead.
    case notActive
    /// `exp` of an access token, or the absolute end of a refresh token's session, has come.
    case expired
    /// A refresh token was left unused for too long.
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
        case .algNotAllowed: "the token algorithm is not the one of its key"
        case .kidMissing: "the token names no key"
        case .kidUnknown: "no key of that name verifies at this time"
        case .criticalUnsupported: "the token asks for an extension that is not supported"
        case .signatureInvalid: "the token signature is invalid"
        case .typMismatch: "the token is of another kind"
        case .issuerMismatch: "the token has another issuer"
        case .audienceMismatch: "the token is for another audience"
        case .claimMissing(let claim): "the claim \(claim.rawValue) is missing"
        case .claimInvalid(let claim): "the claim \(claim.rawValue) is invalid"
        case .notActive: "the token is not active yet"
        case .expired: "the token has expired"
        case .idle: "the refresh token was unused for too long"
        }
    }
}
