package import OpenSSL

/// A key that verifies signatures of other issuers' tokens, bound to one algorithm.
///
/// Unlike a signing key of the server it has no purpose and no life cycle. The strength of its secret is not checked,
/// but the secret must be at least as long as the hash.
package struct VerificationKey: Sendable {
    package enum Material: Sendable {
        case secret(MACKey)
        case publicHalf(VerifyingKey)
    }

    /// `nil` for keys without a name: PEM, raw secrets, and JWKs without `kid`.
    package let kid: String?
    package let algorithm: Algorithm
    package let material: Material

    init(_ jwk: JWK, algorithm asked: Algorithm?) throws(KeyError) {
        kid = jwk.kid
        algorithm = try jwk.bound(to: asked)
        if case .secret(let octets) = jwk.material {
            material = try Self.secret(octets, algorithm)
        } else if let numbers = jwk.material.publicNumbers {
            material = try Self.publicHalf(numbers, algorithm)
        } else {
            throw .algorithmMismatch(algorithm)
        }
    }

    init(_ text: KeyText, algorithm asked: Algorithm?) throws(KeyError) {
        kid = nil
        algorithm = try text.bound(to: asked)
        material = try Self.publicHalf(text.publicNumbers, algorithm)
    }

    init(secret octets: [UInt8], _ algorithm: Algorithm) throws(KeyError) {
        kid = nil
        self.algorithm = algorithm
        material = try Self.secret(octets, algorithm)
    }

    private static func secret(_ octets: [UInt8], _ algorithm: Algorithm) throws(KeyError) -> Material {
        guard let hash = algorithm.mac else { throw .algorithmMismatch(algorithm) }
        do { return .secret(try MACKey(octets, for: hash)) } catch { throw .crypto(error) }
    }

    private static func publicHalf(_ numbers: PublicNumbers, _ algorithm: Algorithm) throws(KeyError) -> Material {
        guard let signature = algorithm.signature else { throw .algorithmMismatch(algorithm) }
        do { return .publicHalf(try VerifyingKey(numbers, for: signature)) } catch { throw .crypto(error) }
    }
}

extension KeyText {
    /// Returns the algorithm that the key is bound to: the one that the caller asks for if it fits, or the only one
    /// that fits.
    ///
    /// - Throws: `.algorithmMismatch`, `.algorithmNeeded`.
    package func bound(to asked: Algorithm?) throws(KeyError) -> Algorithm {
        let fitting = publicNumbers.algorithms.filter { algorithm in
            guard case .pss(let hash) = restriction else { return true }
            guard case .rsaPSS(let own) = algorithm.signature else { return false }
            return hash.map { $0 == own } ?? true
        }
        if let asked {
            guard fitting.contains(asked) else { throw .algorithmMismatch(asked) }
            return asked
        }
        guard fitting.count == 1, let only = fitting.first else { throw .algorithmNeeded(fitting) }
        return only
    }
}
