package import Encoding
package import JOSE
package import OpenSSL

/// Why a token could not be issued. The cause is the configuration or a user record, never the content of a request.
package enum IssueError: Error, Equatable, Sendable {
    /// No key of this algorithm signs at this time.
    case noSigningKey(Algorithm)
    case noRefreshKey
    /// The token has more than ``Issuer/byteCountMax`` bytes.
    case tokenTooLarge(byteCount: Int)
    /// The value is empty, out of range, or needs JSON escapes, which the verifier rejects.
    case claimUnwritable(Claim)
    case extraClaims(JSONError)
    case extraClaimsNotObject
    case crypto(CryptoError)

    /// Whether the cause is the keys; otherwise it is the user record.
    package var isAboutKeys: Bool {
        switch self {
        case .noSigningKey, .noRefreshKey, .crypto: true
        case .tokenTooLarge, .claimUnwritable, .extraClaims, .extraClaimsNotObject: false
        }
    }
}

extension IssueError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noSigningKey(let algorithm): "no key signs \(algorithm.rawValue) at this time"
        case .noRefreshKey: "no secret signs refresh tokens at this time"
        case .tokenTooLarge(let count): "the token would have \(count) bytes; the limit is \(Issuer.byteCountMax)"
        case .claimUnwritable(let claim):
            "the claim \(claim.rawValue) is empty, out of range, or contains text that a token must not contain"
        case .extraClaims: "the user's extra claims are not JSON"
        case .extraClaimsNotObject: "the user's extra claims are not a JSON object"
        case .crypto: "the cryptographic library failed"
        }
    }
}
