package import Octets
package import OpenSSL

/// One JSON Web Key (RFC 7517) of a kind that can sign or verify here: what it says, not yet a working key.
package struct JWK: Sendable {
    package enum Material: Sendable {
        case secret([UInt8])
        case publicRSA(RSAPublicComponents)
        case privateRSA(RSAPrivateComponents)
    }

    package let material: Material
    package let kid: String?
    package let algorithm: Algorithm?
    /// Whether `key_ops` lets the key sign; also true without `key_ops`.
    package let maySign: Bool

    /// Reads one JWK from its own document, strictly (C6: duplicate members are refused).
    package init(parsing bytes: Span<UInt8>) throws(KeyFault) {
        var document = JSONDocument()
        do { try document.parse(bytes) } catch { throw .notJSON(error) }
        try self.init(document, 0, in: bytes)
    }

    /// Reads one JWK that stands inside a larger document, such as a set.
    package init(_ document: JSONDocument, _ node: JSONDocument.Node, in bytes: Span<UInt8>) throws(KeyFault) {
        guard document.kind(node) == .object else { throw .notObject }
        let members = JWKMembers(document: document, node: node)
        guard let kty = try members.text("kty", in: bytes) else { throw .memberMissing("kty") }
        let algorithmName = try members.text("alg", in: bytes)
        algorithm = try algorithmName.map { (name) throws(KeyFault) in
            guard let algorithm = Algorithm(rawValue: name) else { throw .unsupported("alg \(name.prefix(32))") }
            return algorithm
        }
        kid = try members.text("kid", in: bytes)
        guard kid.map(Self.isUsableName) ?? true else { throw .memberInvalid("kid") }
        if let use = try members.text("use", in: bytes), use != "sig" { throw .notForSignatures }
        let operations = try members.texts("key_ops", in: bytes)
        switch kty {
        case "oct":
            guard algorithm == nil || algorithm == .hs256 else { throw .unsupported("alg for kty oct") }
            material = .secret(try members.octets("k", in: bytes))
        case "RSA":
            guard algorithm == nil || algorithm == .rs256 else { throw .unsupported("alg for kty RSA") }
            material = try members.rsa(in: bytes)
        default:
            throw .unsupported("kty \(kty.prefix(32))")
        }
        let signs = operations?.contains("sign") ?? true
        let verifies = operations?.contains("verify") ?? true
        // The public half of a private key verifies, though the private key's own list names only "sign".
        var isPair = false
        if case .privateRSA = material { isPair = true }
        guard verifies || isPair && signs else { throw .notForSignatures }
        maySign = signs
    }
}

extension JWK {
    /// Names go into headers, logs and metrics: printable ASCII without quotes and backslashes, at most 128 octets.
    private static func isUsableName(_ kid: String) -> Bool {
        (1...128).contains(kid.utf8.count)
            && kid.utf8.allSatisfy { (0x21...0x7E).contains($0) && !#""\"#.utf8.contains($0) }
    }
}

/// The members of one JWK, each checked for its type.
private struct JWKMembers {
    let document: JSONDocument
    let node: JSONDocument.Node

    func text(_ name: StaticString, in bytes: Span<UInt8>) throws(KeyFault) -> String? {
        guard let value = document.member(name, of: node, in: bytes) else { return nil }
        guard let text = document.string(value, in: bytes) else { throw .memberInvalid("\(name)") }
        return text
    }

    func texts(_ name: StaticString, in bytes: Span<UInt8>) throws(KeyFault) -> [String]? {
        guard let value = document.member(name, of: node, in: bytes) else { return nil }
        guard document.kind(value) == .array else { throw .memberInvalid("\(name)") }
        var texts: [String] = []
        for element in document.children(value) {
            guard let text = document.string(element, in: bytes) else { throw .memberInvalid("\(name)") }
            texts.append(text)
        }
        return texts
    }

    func octets(_ name: StaticString, in bytes: Span<UInt8>) throws(KeyFault) -> [UInt8] {
        guard let text = try text(name, in: bytes) else { throw .memberMissing("\(name)") }
        guard let octets = Base64URL.decode(text), !octets.isEmpty else { throw .memberInvalid("\(name)") }
        return octets
    }

    func rsa(in bytes: Span<UInt8>) throws(KeyFault) -> JWK.Material {
        let n = try octets("n", in: bytes)
        let e = try octets("e", in: bytes)
        let publicHalf: RSAPublicComponents
        do { publicHalf = try RSAPublicComponents(modulus: n, exponent: e) } catch { throw .crypto(error) }
        guard document.member("d", of: node, in: bytes) != nil else { return .publicRSA(publicHalf) }
        // RFC 7518 §6.3.2.7: who does not support more than two primes must not use such a key.
        guard document.member("oth", of: node, in: bytes) == nil else { throw .unsupported("oth") }
        return .privateRSA(
            RSAPrivateComponents(
                publicHalf: publicHalf, d: try octets("d", in: bytes), p: try octets("p", in: bytes),
                q: try octets("q", in: bytes), dp: try octets("dp", in: bytes), dq: try octets("dq", in: bytes),
                qi: try octets("qi", in: bytes)))
    }
}

extension RSAPublicComponents {
    /// The JWK thumbprint (RFC 7638 §3): SHA-256 over the required members in their order, as base64url text.
    package var thumbprint: String {
        let text = #"{"e":"\#(Base64URL.encode(exponent))","kty":"RSA","n":"\#(Base64URL.encode(modulus))"}"#
        let octets = Array(text.utf8)
        return Base64URL.encode(SHA256.digest(octets.span))
    }
}
