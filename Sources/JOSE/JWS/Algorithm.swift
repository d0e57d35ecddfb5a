import Encoding
package import OpenSSL

/// The supported algorithms by their registered names (RFC 7518 §3.1, RFC 8037 §3.1), compared exactly (RFC 7515
/// §4.1.1).
package enum Algorithm: String, CaseIterable, Sendable {
    case hs256 = "HS256"
    case hs384 = "HS384"
    case hs512 = "HS512"
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    /// Ed25519 only.
    case edDSA = "EdDSA"
}

extension Algorithm {
    /// The signature scheme of a public-key algorithm; `nil` for a MAC.
    package var signature: SignatureAlgorithm? {
        switch self {
        case .hs256, .hs384, .hs512: nil
        case .rs256: .rsaPKCS1(.sha256)
        case .rs384: .rsaPKCS1(.sha384)
        case .rs512: .rsaPKCS1(.sha512)
        case .ps256: .rsaPSS(.sha256)
        case .ps384: .rsaPSS(.sha384)
        case .ps512: .rsaPSS(.sha512)
        case .es256: .ecdsa(.p256)
        case .es384: .ecdsa(.p384)
        case .es512: .ecdsa(.p521)
        case .edDSA: .ed25519
        }
    }

    /// The hash of a MAC; `nil` for a public-key algorithm.
    package var mac: HashFunction? {
        switch self {
        case .hs256: .sha256
        case .hs384: .sha384
        case .hs512: .sha512
        default: nil
        }
    }

    /// The `kty` of its keys (RFC 7518 §6.1, RFC 8037 §2).
    package var keyType: String {
        switch signature {
        case nil: "oct"
        case .rsaPKCS1, .rsaPSS: "RSA"
        case .ecdsa: "EC"
        case .ed25519: "OKP"
        }
    }

    /// Whether one secret both signs and verifies.
    package var isMAC: Bool { mac != nil }

    /// Whether the same key and message always give the same signature.
    package var isDeterministic: Bool {
        switch signature {
        case nil, .rsaPKCS1, .ed25519: true
        case .rsaPSS, .ecdsa: false
        }
    }

    package var octets: [UInt8] { Array(rawValue.utf8) }

    /// Parses a name used by other issuers: a registered name, compared exactly, or `Ed25519` (RFC 9864 §2.2), which
    /// means the same as `EdDSA` here.
    package init?(foreign name: String) {
        if name.isSpelled(as: "Ed25519") {
            self = .edDSA
        } else {
            guard let known = Algorithm.allCases.first(where: { $0.rawValue.isSpelled(as: name) }) else { return nil }
            self = known
        }
    }

    /// All names, separated by commas, for messages.
    package static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

extension PublicNumbers {
    /// The algorithms that a key with these numbers can be bound to.
    package var algorithms: [Algorithm] {
        Algorithm.allCases.filter { algorithm in algorithm.signature.map { fit($0) } ?? false }
    }
}
