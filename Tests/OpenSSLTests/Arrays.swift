import Encoding
import OpenSSL

// `#expect` cannot take a call that has a span among its arguments, so the tests pass arrays.

extension MACContext {
    func accepts(_ tag: [UInt8], over message: [UInt8]) -> Bool { accepts(tag.span, over: message.span) }

    func authenticate(_ message: [UInt8]) throws(CryptoError) -> [UInt8] {
        try authenticate(message.span).octets
    }
}

extension SignatureVerifier {
    func accepts(_ signature: [UInt8], over message: [UInt8]) -> Bool {
        accepts(signature.span, over: message.span)
    }
}

extension Signer {
    func sign(_ message: [UInt8]) throws(CryptoError) -> [UInt8] { try sign(message.span) }
}

extension SHA256 {
    static func digest(_ text: String) -> [UInt8] {
        let octets = Array(text.utf8)
        return digest(octets.span)
    }

    static func digest128(_ kind: String, _ name: String) -> UUID {
        let (kind, name) = (Array(kind.utf8), Array(name.utf8))
        return digest128(kind.span, name.span)
    }
}

extension SHA256Context {
    func digest(_ text: String) -> [UInt8] {
        let octets = Array(text.utf8)
        let digest = digest(octets.span)
        return digest.indices.map { digest[$0] }
    }

    func digest128(_ kind: String, _ name: String) -> UUID {
        let (kind, name) = (Array(kind.utf8), Array(name.utf8))
        return digest128(kind.span, name.span)
    }
}

extension PublicNumbers {
    var rsa: RSAPublicComponents? { if case .rsa(let key) = self { key } else { nil } }
}

/// The numbers of a new RSA key.
func rsaComponents() throws -> RSAPrivateComponents {
    guard case .rsa(let key) = try SigningKey.generate(for: .rsaPKCS1(.sha256)).privateNumbers() else {
        throw CryptoError.algorithmMismatch
    }
    return key
}

extension KeyText {
    init(_ text: [UInt8]) throws(CryptoError) { try self.init(parsing: text.span) }
}
