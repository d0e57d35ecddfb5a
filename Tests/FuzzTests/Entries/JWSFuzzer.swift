@testable import JOSE
@testable import Tokens

/// Whole tokens: splitting, header, signature, claims. Nobody but the key's owner makes a token, so of all octets only the
/// tokens that are known to be good may pass, in the one spelling that they have.
enum JWSFuzzer {
    static let goodAccess = FixedKeys.access(Array(FixedKeys.accessPayload.utf8))
    static let goodRefresh = FixedKeys.refresh(Array(FixedKeys.refreshPayload.utf8))

    static func make() -> ([UInt8]) -> Void {
        let verifier = FixedKeys().verifier()
        let audience = AudienceExpectation("api")
        return { bytes in
            if let jws = try? CompactJWS(bytes.span) {
                demand(jws.signingInput.upperBound == jws.payload.upperBound, "the signature covers header and payload")
                demand(jws.signature.upperBound == bytes.count && jws.header.lowerBound == 0, "nothing is left over")
            }
            if (try? verifier.verify(bytes.span, audience: audience, now: FixedKeys.now)) != nil {
                demand(bytes == goodAccess, "an access token that nobody signed")
            }
            if (try? verifier.verifyRefresh(bytes.span, now: FixedKeys.now)) != nil {
                demand(bytes == goodRefresh, "a refresh token that nobody signed")
            }
        }
    }
}
