import Encoding

/// What a compact JWS says of itself before anything is checked: for showing it, and for refusing what no key could mend.
package struct UnverifiedJWS: Sendable {
    /// As sent, base64url taken off.
    package let header: [UInt8]
    package let payload: [UInt8]
    package let signatureByteCount: Int

    package init(
        _ token: Span<UInt8>, byteCountMax: Int = CompactJWS.foreignByteCountMax
    ) throws(TokenRejection) {
        let jws = try CompactJWS(token, byteCountMax: byteCountMax)
        guard let header = Base64URL.decode(token.extracting(jws.header)) else { throw .malformed(.header) }
        guard let payload = Base64URL.decode(token.extracting(jws.payload)) else { throw .malformed(.payload) }
        guard let signature = Base64URL.decode(token.extracting(jws.signature)) else { throw .malformed(.signature) }
        self.header = header
        self.payload = payload
        signatureByteCount = signature.count
    }
}
