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
