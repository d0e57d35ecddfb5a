package import Encoding
package import OpenSSL

/// One JSON Web Key (RFC 7517) of a kind that can sign or verify here: what it says, not yet a working key.
package struct JWK: Sendable {
    private static let kidByteCountMax = 1_024

    package enum Material: Sendable {
        case secret([UInt8])
        case publicHalf(PublicNumbers)
        case pair(PrivateNumbers)
    }

    package let material: Material
    /// Any string of up to 1,024 bytes (RFC 7517 §4.5); keys of our own need ``isUsableName(_:)`` as well.
    package let kid: String?
    /// What `alg` says; it fits the material.
    package let algorithm: Algorithm?
    /// Whether `key_ops` lets the key sign; also true without `key_ops`.
    package let maySign: Bool

    /// Reads one JWK from its own document, strictly (C6: duplicate members are refused).
    package init(parsing bytes: Span<UInt8>) throws(KeyError) {
        var document = JSONDocument()
        do { try document.parse(bytes) } catch { throw .notJSON(error) }
        try self.init(document, 0, in: bytes)
    }

    /// Reads one JWK that stands inside a larger document, such as a set.
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
        // The public half of a private key verifies, though the private key's own list names only "sign".
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
    /// The algorithm that the key is bound to: its own, or what the caller says.
    ///
    /// - Parameter asked: must be the key's own where it has one (RFC 8725 §3.1).
    /// - Throws: `.algorithmMismatch`; `.algorithmNeeded` where neither says, and more than one would fit.
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
        // A spelling that the examples of RFC 7520 have spread; it can mean nothing else.
        let known = name == "ES521" ? .es512 : Algorithm(foreign: name)
        guard let algorithm = known else { throw .unsupported("alg \(name.prefix(32))") }
        guard material.algorithms.contains(algorithm) else { throw .algorithmMismatch(algorithm) }
        return algorithm
    }

    /// Names of keys of our own go into headers, logs and metrics: printable ASCII without quotes and backslashes, at most 128 octets.
    package static func isUsableName(_ kid: String) -> Bool {
        (1...128).contains(kid.utf8.count)
            && kid.utf8.allSatisfy { (0x21...0x7E).contains($0) && !#""\"#.utf8.contains($0) }
    }
}

extension JWK.Material {
    /// The algorithms that such a key can be bound to; the length of a secret is not judged here.
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
