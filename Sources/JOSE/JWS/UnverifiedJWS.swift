import Encoding

/// The decoded parts of a compact JWS before any check, for display and for rejecting tokens that no key could verify.
package struct UnverifiedJWS: Sendable {
    let jws: CompactJWS
    /// As sent, decoded from base64url.
    package let header: [UInt8]
    package let payload: [UInt8]
    let signature: [UInt8]

    package init(
        _ token: Span<UInt8>, byteCountMax: Int = CompactJWS.foreignByteCountMax
    ) throws(TokenRejection) {
        jws = try CompactJWS(token, byteCountMax: byteCountMax)
        guard let header = Base64URL.decode(token.extracting(jws.header)) else { throw .malformed(.header) }
        guard let payload = Base64URL.decode(token.extracting(jws.payload)) else { throw .malformed(.payload) }
        guard let signature = Base64URL.decode(token.extracting(jws.signature)) else { throw .malformed(.signature) }
        self.header = header
        self.payload = payload
        self.signature = signature
    }

    package var signatureByteCount: Int { signature.count }
}
