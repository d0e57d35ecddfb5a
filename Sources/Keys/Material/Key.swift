import Encoding
package import JOSE
package import OpenSSL
package import Platform

/// A key with its name, its one algorithm, its purpose and its life cycle.
package struct Key: Sendable {
    /// The kind of tokens that a key signs; it is never used for the other kind (RFC 8725 §3.12).
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

    /// Makes a key from a JWK without checking the strength of a secret; ``init(parsing:)`` checks it.
    ///
    /// - Parameters:
    ///   - kid: by default the JWK's own, or the thumbprint of a public key.
    ///   - algorithm: required for a JWK that fits several.
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

    /// Generates a key. RSA keys have 2048 bits, secrets as many bytes as the hash. The name is the thumbprint of a
    /// pair, and random for a secret.
    ///
    /// - Parameter createdAt: rounded to whole seconds, as in the file.
    package static func generate(
        _ algorithm: Algorithm, purpose: Purpose, createdAt: UnixMilliseconds
    ) throws(KeyError) -> Key {
        guard purpose == .access || algorithm == .hs256 else { throw .purposeMismatch }
        let lifecycle = KeyLifecycle(createdAt: createdAt.seconds.milliseconds)
        let secret =
            algorithm.isMAC ? try freshSecret(algorithm.mac?.byteCount ?? 32, random: { Random.bytes($0) }) : []
        do throws(CryptoError) {
            let kid: String
            let material: Material
            if let signature = algorithm.signature {
                let pair = try SigningKey.generate(for: signature)
                kid = Thumbprint.of(pair.verifyingKey.numbers)
                material = .pair(pair)
            } else {
                kid = Base64URL.encode(Random.bytes(16))
                material = .secret(try MACKey(secret, for: algorithm.mac ?? .sha256))
            }
            return Key(kid: kid, algorithm: algorithm, purpose: purpose, lifecycle: lifecycle, material: material)
        } catch {
            throw .crypto(error)
        }
    }

    /// Draws until a secret comes that every later start accepts: by chance, a random one has the form of a public key
    /// about once in ten million times, and the service would reject its own file.
    ///
    /// - Throws: `.weakSecret` when no draw is accepted, so that a broken generator ends in an error.
    static func freshSecret(_ byteCount: Int, random: (Int) -> [UInt8]) throws(KeyError) -> [UInt8] {
        for _ in 0..<16 {
            let secret = random(byteCount)
            if SecretStrength.isAcceptable(secret) { return secret }
        }
        throw .weakSecret
    }

    /// `nil` for a secret, which has no public half.
    package var publicNumbers: PublicNumbers? {
        switch material {
        case .secret: nil
        case .pair(let pair): pair.verifyingKey.numbers
        case .publicHalf(let key): key.numbers
        }
    }

    /// Returns the same key with another life cycle.
    package func with(_ lifecycle: KeyLifecycle) -> Key {
        var key = self
        key.lifecycle = lifecycle
        return key
    }

    /// Whether the key material can sign, regardless of time: it is not a public half, and its `key_ops` allow signing.
    package var canSign: Bool {
        if case .publicHalf = material { return false }
        return maySign
    }

    /// Returns whether the key may make a new signature at `now`.
    package func signs(at now: UnixMilliseconds) -> Bool {
        canSign && lifecycle.signs(at: now)
    }

    /// Returns whether signatures of the key are accepted at `now`.
    package func verifies(at now: UnixMilliseconds) -> Bool {
        lifecycle.verifies(at: now)
    }
}
