/// What a public key is made of, checked for its form.
package enum PublicNumbers: Equatable, Sendable {
    case rsa(RSAPublicComponents)
    case ec(ECPublicPoint)
    case ed25519(Ed25519PublicBytes)

    /// Whether keys of this kind can sign so: RSA either way, a curve only its own.
    package func fit(_ algorithm: SignatureAlgorithm) -> Bool {
        switch (self, algorithm) {
        case (.rsa, .rsaPKCS1), (.rsa, .rsaPSS), (.ed25519, .ed25519): true
        case (.ec(let point), .ecdsa(let curve)): point.curve == curve
        default: false
        }
    }
}

/// What a private key is made of. That its two halves belong together, ``SigningKey`` says.
package enum PrivateNumbers: Sendable {
    case rsa(RSAPrivateComponents)
    case ec(ECPrivateNumbers)
    case ed25519(Ed25519PrivateBytes)

    package var publicHalf: PublicNumbers {
        switch self {
        case .rsa(let key): .rsa(key.publicHalf)
        case .ec(let key): .ec(key.publicHalf)
        case .ed25519(let key): .ed25519(key.publicHalf)
        }
    }
}
