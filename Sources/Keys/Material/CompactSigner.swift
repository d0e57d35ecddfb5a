import Encoding
package import JOSE
package import OpenSSL

/// Signs any payload with one key, as a compact JWS (RFC 7515 §3.1). Must be used by one thread only.
///
/// ``Issuer`` makes the server's own tokens; this signs tokens that an operator makes on the command line.
package final class CompactSigner {
    private enum SigningContext {
        case mac(MACContext)
        case signer(Signer)
    }

    private let key: Key
    private let pen: SigningContext

    /// - Throws: `.notForSignatures` for a public half.
    package init(_ key: Key) throws(KeyError) {
        self.key = key
        do throws(CryptoError) {
            switch key.material {
            case .secret(let secret): pen = .mac(try MACContext(secret))
            case .pair(let pair): pen = .signer(try Signer(pair))
            case .publicHalf: throw .algorithmMismatch
            }
        } catch {
            throw error == .algorithmMismatch ? .notForSignatures : .crypto(error)
        }
    }

    /// Signs a payload.
    ///
    /// - Parameters:
    ///   - type: the header's `typ`; none if `nil`.
    ///   - payload: signed unchanged.
    /// - Returns: a token with the header members `alg`, `typ` and `kid`.
    package func sign(type: String?, payload: Span<UInt8>) throws(CryptoError) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("alg")
        writer.string(key.algorithm.rawValue)
        if let type {
            writer.name("typ")
            writer.string(type)
        }
        writer.name("kid")
        writer.string(key.kid)
        writer.endObject()
        let header = writer.bytes
        var token: [UInt8] = []
        Base64URL.append(header.span, to: &token)
        token.append(UInt8(ascii: "."))
        Base64URL.append(payload, to: &token)
        let signature =
            switch pen {
            case .mac(let context): try context.authenticate(token.span).octets
            case .signer(let signer): try signer.sign(token.span)
            }
        token.append(UInt8(ascii: "."))
        Base64URL.append(signature.span, to: &token)
        return token
    }
}
