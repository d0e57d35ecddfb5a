package import Encoding
package import OpenSSL

/// One JSON Web Key (RFC 7517) of a type that is supported for signatures; parsed, but not yet loaded as a key.
package struct JWK: Sendable {
    private static let kidByteCountMax = 1_024

    package enum Material: Sendable {
        case secret([UInt8])
        case publicHalf(PublicNumbers)
        case pair(PrivateNumbers)
    }

    package let material: Material
    /// Any string of up to 1,024 bytes (RFC 7517 §4.5); the server's own keys must also pass ``isUsableName(_:)``.
    package let kid: String?
    /// The value of `alg`; it fits the key material.
    package let algorithm: Algorithm?
    /// Whether `key_ops` allows signing; also true without `key_ops`.
    package let maySign: Bool

    /// Parses one JWK from its own document; rejects duplicate members (RFC 7517 §4).
    package init(parsing bytes: Span<UInt8>) throws(KeyError) {
        var document = JSONDocument()
        do { try document.parse(bytes) } catch { throw .notJSON(error) }
        try self.init(document, 0, in: bytes)
    }

    /// Parses one JWK inside a larger document, such as a set.
    package init(_ document: JSONDocument, _ node: JSONDocument.Node, in bytes: Span<UInt8>) throws(KeyError) {
        guard document.kind(node) == .object else { throw .notObject }
        let members = JWKMembers(document: document, node: node)
        guard let kty = try members.text("kty", in: bytes) else { throw .memberMissing("kty") }
        if let use = try members.text("use", in: bytes), use != "sig" { throw .notForSignatures }
        let operations = try members.texts("key_ops", in: bytes)
        kid = try members.text("kid", in: bytes)
        guard kid.map({ $0.utf8.count <= Self.kidByteCountMax }) ?? true else { throw .memberInvalid("kid") }
        let name = try members.text("alg", in: bytes)
        switch kty {
        case "oct": material = .secret(try members.octets("k", in: bytes))
        case "RSA": material = try members.rsa(in: bytes)
        case "EC": material = try members.ec(in: bytes)
        case "OKP": material = try members.okp(in: bytes)
        default: throw .unsupported("kty \(kty.prefix(32))")
        }
        algorithm = try Self.algorithm(name, for: material)
        let signs = operations?.contains("sign") ?? true
        let verifies = operations?.contains("verify") ?? true
        // A private key whose `key_ops` names only "sign" is accepted, because its public half verifies.
        guard verifies || material.isPair && signs else { throw .notForSignatures }
        maySign = signs
    }

    package init(material: Material, algorithm: Algorithm) {
        self.material = material
        self.algorithm = algorithm
        kid = nil
        maySign = true
    }
}

extension JWK {
    /// Returns the algorithm that the key is bound to: its own, or the one that the caller asks for.
    ///
    /// - Parameter asked: must equal the key's own algorithm if it has one (RFC 8725 §3.1).
    /// - Throws: `.algorithmMismatch`; `.algorithmNeeded` if neither names an algorithm and more than one fits.
    package func bound(to asked: Algorithm?) throws(KeyError) -> Algorithm {
        if let algorithm, let asked, algorithm != asked { throw .algorithmMismatch(asked) }
        if let algorithm = algorithm ?? asked {
            guard material.algorithms.contains(algorithm) else { throw .algorithmMismatch(algorithm) }
            return algorithm
        }
        guard material.algorithms.count == 1, let only = material.algorithms.first else {
            throw .algorithmNeeded(material.algorithms)
        }
        return only
    }

    private static func algorithm(_ name: String?, for material: Material) throws(KeyError) -> Algorithm? {
        guard let name else { return nil }
        // The examples of RFC 7520 use this misspelling; it has no other meaning.
        let known = name == "ES521" ? .es512 : Algorithm(foreign: name)
        guard let algorithm = known else { throw .unsupported("alg \(name.prefix(32))") }
        guard material.algorithms.contains(algorithm) else { throw .algorithmMismatch(algorithm) }
        return algorithm
    }

    /// Returns whether the name can be used in headers, logs and metrics: printable ASCII without quotes and
    /// backslashes, at most 128 bytes.
    package static func isUsableName(_ kid: String) -> Bool {
        (1...128).contains(kid.utf8.count)
            && kid.utf8.allSatisfy { (0x21...0x7E).contains($0) && !#""\"#.utf8.contains($0) }
    }
}

extension JWK.Material {
    /// The algorithms that such a key can be bound to; the length of a secret is not checked here.
    package var algorithms: [Algorithm] {
        switch self {
        case .secret: [.hs256, .hs384, .hs512]
        case .publicHalf(let numbers): numbers.algorithms
        case .pair(let numbers): numbers.publicHalf.algorithms
        }
    }

    /// `nil` for a secret.
    package var publicNumbers: PublicNumbers? {
        switch self {
        case .secret: nil
        case .publicHalf(let numbers): numbers
        case .pair(let numbers): numbers.publicHalf
        }
    }

    var isPair: Bool {
        if case .pair = self { true } else { false }
    }
}
