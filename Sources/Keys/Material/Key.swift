import Encoding
package import JOSE
package import OpenSSL

/// One working key with its name, its one algorithm, what it signs and when.
package struct Key: Sendable {
    /// What a key signs. A key of one purpose never serves the other (D9).
    package enum Purpose: String, Sendable {
        case access, refresh
    }

    package enum Material: Sendable {
        case secret(MACKey)
        case pair(SigningKey)
        case publicHalf(VerifyingKey)
    }

    package let kid: String
    package let algorithm: Algorithm
    package let purpose: Purpose
    package private(set) var lifecycle: KeyLifecycle
    package let material: Material
    private let maySign: Bool

    /// Takes what a JWK says without judging how good a secret is; ``init(parsing:)`` does that.
    ///
    /// - Parameters:
    ///   - kid: by default the JWK's own, or the thumbprint of a public key.
    ///   - algorithm: for a JWK that could have several.
    package init(
        _ jwk: JWK, kid: String? = nil, algorithm asked: Algorithm? = nil, purpose: Purpose, lifecycle: KeyLifecycle
    ) throws(KeyError) {
        algorithm = try jwk.bound(to: asked)
        guard purpose == .access || algorithm == .hs256 else { throw .purposeMismatch }
        do throws(CryptoError) {
            material = try Self.material(jwk.material, algorithm)
        } catch {
            throw .crypto(error)
        }
        guard let name = kid ?? jwk.kid ?? jwk.material.publicNumbers.map(Thumbprint.of) else {
            throw .memberMissing("kid")
        }
        guard JWK.isUsableName(name) else { throw .memberInvalid("kid") }
        self.kid = name
        self.purpose = purpose
        self.lifecycle = lifecycle
        maySign = jwk.maySign
    }

    private static func material(
        _ material: JWK.Material, _ algorithm: Algorithm
    ) throws(CryptoError) -> Material {
        switch (material, algorithm.mac, algorithm.signature) {
        case (.secret(let octets), let hash?, _): .secret(try MACKey(octets, for: hash))
        case (.publicHalf(let numbers), _, let signature?): .publicHalf(try VerifyingKey(numbers, for: signature))
        case (.pair(let numbers), _, let signature?): .pair(try SigningKey(numbers, for: signature))
        default: throw .algorithmMismatch
        }
    }

    private init(
        kid: String, algorithm: Algorithm, purpose: Purpose, lifecycle: KeyLifecycle, material: Material
    ) {
        self.kid = kid
        self.algorithm = algorithm
        self.purpose = purpose
        self.lifecycle = lifecycle
        self.material = material
        maySign = true
    }

    /// A new key. RSA keys have 2048 bits, secrets as many octets as the hash. Pairs are named by their thumbprint, secrets
    /// at random.
    ///
    /// - Parameter createdAt: milliseconds since 1970; kept in whole seconds, as the file does.
    package static func generate(
        _ algorithm: Algorithm, purpose: Purpose, createdAt: Int64
    ) throws(KeyError) -> Key {
        guard purpose == .access || algorithm == .hs256 else { throw .purposeMismatch }
        let lifecycle = KeyLifecycle(createdAt: createdAt - createdAt % 1_000)
        do throws(CryptoError) {
            let kid: String
            let material: Material
            if let signature = algorithm.signature {
                let pair = try SigningKey.generate(for: signature)
                kid = Thumbprint.of(pair.verifyingKey.numbers)
                material = .pair(pair)
            } else {
                let hash = algorithm.mac ?? .sha256
                kid = Base64URL.encode(Random.bytes(16))
                material = .secret(try MACKey(Random.bytes(hash.byteCount), for: hash))
            }
            return Key(kid: kid, algorithm: algorithm, purpose: purpose, lifecycle: lifecycle, material: material)
        } catch {
            throw .crypto(error)
        }
    }

    /// `nil` for a secret, which has no public half.
    package var publicNumbers: PublicNumbers? {
        switch material {
        case .secret: nil
        case .pair(let pair): pair.verifyingKey.numbers
        case .publicHalf(let key): key.numbers
        }
    }

    /// The same key at other times of its life.
    package func with(_ lifecycle: KeyLifecycle) -> Key {
        var key = self
        key.lifecycle = lifecycle
        return key
    }

    /// Whether the key could sign if its time were now: no public half, and not kept from it by its own `key_ops`.
    package var canSign: Bool {
        if case .publicHalf = material { return false }
        return maySign
    }

    /// Whether the key may make a new signature at `now` (milliseconds).
    package func signs(at now: Int64) -> Bool {
        canSign && lifecycle.signs(at: now)
    }

    /// Whether signatures of the key count at `now` (milliseconds).
    package func verifies(at now: Int64) -> Bool {
        lifecycle.verifies(at: now)
    }
}
