/// The numbers of a public key, checked for their form.
package enum PublicNumbers: Equatable, Sendable {
    case rsa(RSAPublicComponents)
    case ec(ECPublicPoint)
    case ed25519(Ed25519PublicBytes)

    /// Returns whether keys of this type fit the algorithm: RSA fits both RSA schemes, a curve only its own.
    package func fit(_ algorithm: SignatureAlgorithm) -> Bool {
        switch (self, algorithm) {
        case (.rsa, .rsaPKCS1), (.rsa, .rsaPSS), (.ed25519, .ed25519): true
        case (.ec(let point), .ecdsa(let curve)): point.curve == curve
        default: false
        }
    }
}

/// The numbers of a private key. ``SigningKey`` checks that the two halves belong together.
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
