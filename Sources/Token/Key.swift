import Octets
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
    /// - Parameter kid: by default the JWK's own, or the thumbprint of a public key.
    package init(
        _ jwk: JWK, kid: String? = nil, purpose: Purpose, lifecycle: KeyLifecycle
    ) throws(KeyFault) {
        let fallback: String?
        switch jwk.material {
        case .secret(let octets):
            do { material = .secret(try MACKey(octets)) } catch { throw .crypto(error) }
            algorithm = .hs256
            fallback = nil
        case .publicRSA(let components):
            guard purpose == .access else { throw .purposeMismatch }
            do {
                material = .publicHalf(try VerifyingKey(components, for: .rsaPKCS1SHA256))
            } catch {
                throw .crypto(error)
            }
            algorithm = .rs256
            fallback = components.thumbprint
        case .privateRSA(let components):
            guard purpose == .access else { throw .purposeMismatch }
            do { material = .pair(try SigningKey(components, for: .rsaPKCS1SHA256)) } catch { throw .crypto(error) }
            algorithm = .rs256
            fallback = components.publicHalf.thumbprint
        }
        guard let name = kid ?? jwk.kid ?? fallback else { throw .memberMissing("kid") }
        self.kid = name
        self.purpose = purpose
        self.lifecycle = lifecycle
        maySign = jwk.maySign
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

    /// A new key. RSA keys have 2048 bits and are named by their thumbprint, secrets have 32 octets and a random name.
    ///
    /// - Parameter createdAt: milliseconds since 1970; kept in whole seconds, as the file does.
    package static func generate(
        _ algorithm: Algorithm, purpose: Purpose, createdAt: Int64
    ) throws(KeyFault) -> Key {
        guard purpose == .access || algorithm == .hs256 else { throw .purposeMismatch }
        let lifecycle = KeyLifecycle(createdAt: createdAt - createdAt % 1_000)
        do throws(CryptoFault) {
            switch algorithm {
            case .hs256:
                let secret = try MACKey(Random.bytes(32))
                return Key(
                    kid: Base64URL.encode(Random.bytes(16)), algorithm: .hs256, purpose: purpose, lifecycle: lifecycle,
                    material: .secret(secret))
            case .rs256:
                let pair = try SigningKey.generate(for: .rsaPKCS1SHA256)
                return Key(
                    kid: pair.verifyingKey.components.thumbprint, algorithm: .rs256, purpose: purpose,
                    lifecycle: lifecycle, material: .pair(pair))
            }
        } catch {
            throw .crypto(error)
        }
    }

    /// The same key at other times of its life.
    package func with(_ lifecycle: KeyLifecycle) -> Key {
        var key = self
        key.lifecycle = lifecycle
        return key
    }

    /// Whether the key may make a new signature at `now` (milliseconds).
    package func signs(at now: Int64) -> Bool {
        if case .publicHalf = material { return false }
        return maySign && lifecycle.signs(at: now)
    }

    /// Whether signatures of the key count at `now` (milliseconds).
    package func verifies(at now: Int64) -> Bool {
        lifecycle.verifies(at: now)
    }
}
