package import Octets
package import OpenSSL

/// Why no token was made. The cause is configuration or a user record, never the octets of a request.
package enum IssueFault: Error, Equatable, Sendable {
    /// No key of this algorithm signs at this time.
    case noSigningKey(Algorithm)
    case noRefreshKey
    /// Above ``Issuer/byteCountMax`` (D10).
    case tokenTooLarge(byteCount: Int)
    /// Empty, out of range, or text that JSON must escape and the verifier would refuse.
    case claimUnwritable(Claim)
    case extraClaims(JSONFault)
    case extraClaimsNotObject
    case crypto(CryptoFault)
}
