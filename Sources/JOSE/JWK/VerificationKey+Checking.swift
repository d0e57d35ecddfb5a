import Encoding
import OpenSSL

/// A JWS whose signature is valid; its claims have not been checked.
package struct VerifiedJWS: Sendable {
    /// The decoded header: one JSON object.
    package let header: [UInt8]
    /// The decoded payload: any bytes.
    package let payload: [UInt8]
    package let algorithm: Algorithm
    /// The name of the key that verified the signature, which may differ from the name in the header.
    package let kid: String?
}

extension VerificationKey {
    /// Verifies a compact JWS with this key alone (RFC 7515 §5.2): structure, header, signature.
    ///
    /// The header's `alg` must equal the key's; `crit` and `b64` are rejected; `kid` is ignored, because the caller
    /// chose the key.
    ///
    /// - Parameter byteCountMax: longer tokens are rejected unread.
    /// - Throws: a rejection; also `.signatureInvalid` if the library cannot check the signature.
    package func check(
        _ token: Span<UInt8>, byteCountMax: Int = CompactJWS.foreignByteCountMax
    ) throws(TokenRejection) -> VerifiedJWS {
        let parts = try JWSParts(token, byteCountMax: byteCountMax)
        guard parts.protected.algorithm == algorithm else { throw .algNotAllowed }
        guard accepts(parts, token) else { throw .signatureInvalid }
        return verified(parts)
    }

    func accepts(_ parts: JWSParts, _ token: Span<UInt8>) -> Bool {
        guard parts.protected.algorithm == algorithm else { return false }
        let input = token.extracting(parts.decoded.jws.signingInput)
        let signature = parts.decoded.signature.span
        let isGood =
            switch material {
            case .secret(let secret): (try? MACContext(secret))?.accepts(signature, over: input)
            case .publicHalf(let key): (try? SignatureVerifier(key))?.accepts(signature, over: input)
            }
        return isGood ?? false
    }

    func verified(_ parts: JWSParts) -> VerifiedJWS {
        VerifiedJWS(
            header: parts.decoded.header, payload: parts.decoded.payload, algorithm: algorithm, kid: kid)
    }
}

/// A compact JWS whose header was read; nothing is verified yet.
struct JWSParts {
    let decoded: UnverifiedJWS
    let protected: JWSHeader

    init(_ token: Span<UInt8>, byteCountMax: Int) throws(TokenRejection) {
        decoded = try UnverifiedJWS(token, byteCountMax: byteCountMax)
        protected = try JWSHeader(decoded.header)
    }
}
