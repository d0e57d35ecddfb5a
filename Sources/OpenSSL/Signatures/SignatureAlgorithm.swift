/// The hash functions of the signatures and MACs of RFC 7518 §3.1.
package enum HashFunction: CaseIterable, Sendable {
    case sha256, sha384, sha512

    package var byteCount: Int {
        switch self {
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }

    /// The size of the hash's input block (FIPS 180-4 §1).
    var blockByteCount: Int {
        switch self {
        case .sha256: 64
        case .sha384, .sha512: 128
        }
    }

    /// The function's name in OpenSSL.
    var name: StaticString {
        switch self {
        case .sha256: "SHA256"
        case .sha384: "SHA384"
        case .sha512: "SHA512"
        }
    }
}

/// The signature scheme of a key. A key has exactly one, and is never used with another (RFC 8725 §3.1).
package enum SignatureAlgorithm: Equatable, Sendable {
    /// RSASSA-PKCS1-v1_5: RS256, RS384, RS512 (RFC 7518 §3.3).
    case rsaPKCS1(HashFunction)
    /// RSASSA-PSS with MGF1 over the same hash and a salt of the hash's length: PS256, PS384, PS512 (RFC 7518 §3.5).
    case rsaPSS(HashFunction)
    /// ECDSA with the curve's own hash: ES256, ES384, ES512 (RFC 7518 §3.4).
    case ecdsa(Curve)
    /// EdDSA with Ed25519 (RFC 8037 §3.1).
    case ed25519
}

extension SignatureAlgorithm {
    /// `nil` for Ed25519, which signs the message itself.
    var hash: HashFunction? {
        switch self {
        case .rsaPKCS1(let hash), .rsaPSS(let hash): hash
        case .ecdsa(let curve): curve.hash
        case .ed25519: nil
        }
    }
}
