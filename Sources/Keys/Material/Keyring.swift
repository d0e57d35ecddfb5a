import Encoding
package import JOSE
import OpenSSL
package import Platform

/// All usable keys at one moment. A change of keys makes a new keyring, so a request never sees a partial change.
package final class Keyring: Sendable {
    package static let keyCountMax = 64

    package let keys: [Key]
    /// The published set (RFC 7517 §5): public keys only, without secrets.
    package let jwks: [UInt8]
    /// The token header of the key at the same index, as base64url text.
    package let headers: [[UInt8]]
    /// The names of the keys at the same indices.
    package let kids: [[UInt8]]
    /// The keys that can sign, the newest first.
    private let signers: [SigningEntry]

    private struct SigningEntry {
        let index: Int
        let purpose: Key.Purpose
        let algorithm: Algorithm
        let lifecycle: KeyLifecycle
    }

    /// - Parameters:
    ///   - keys: without ended keys; the published set has every public key given here.
    ///   - verifiesOnly: whether the keyring may lack a refresh secret, and have no key at all.
    /// - Throws: `.refreshSecretMissing`, `.duplicateKid`, `.tooManyKeys`, or `.weakSecret` if a secret contains the
    ///   modulus of one of the public keys (RFC 8725 §2.1).
    package init(_ keys: [Key], verifiesOnly: Bool = false) throws(KeyError) {
        guard keys.count <= Self.keyCountMax else { throw .tooManyKeys(count: keys.count, countMax: Self.keyCountMax) }
        guard verifiesOnly || keys.contains(where: { $0.purpose == .refresh }) else { throw .refreshSecretMissing }
        var names: Set<String> = []
        for key in keys where !names.insert(key.kid).inserted { throw .duplicateKid(key.kid) }
        guard !Self.secretsHoldPublicKeys(keys) else { throw .weakSecret }
        self.keys = keys
        kids = keys.map { Array($0.kid.utf8) }
        signers = Self.signers(keys)
        headers = keys.map { Self.header(of: $0, as: TokenType($0.purpose)) }
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("keys")
        writer.beginArray()
        for case let jwk? in keys.map({ $0.publicJWK() }) { writer.raw(jwk) }
        writer.endArray()
        writer.endObject()
        jwks = writer.bytes
    }

    /// The algorithms of all keys that sign access tokens at some time, in the order of ``Algorithm/allCases``.
    package var algorithms: [Algorithm] {
        Algorithm.allCases.filter { algorithm in
            keys.contains { $0.purpose == .access && $0.algorithm == algorithm }
        }
    }

    /// Returns the newest access key of this algorithm that signs at `now`.
    package func signingKey(for algorithm: Algorithm, at now: UnixMilliseconds) -> Key? {
        index(signing: .access, algorithm, at: now).map { keys[$0] }
    }

    /// Returns the newest refresh secret that signs at `now`.
    package func refreshKey(at now: UnixMilliseconds) -> Key? {
        index(signing: .refresh, .hs256, at: now).map { keys[$0] }
    }

    /// Returns the key called `kid`, whatever its purpose and age.
    package func key(_ kid: Span<UInt8>) -> Key? {
        index(of: kid).map { keys[$0] }
    }

    /// Ties go to the greater `kid`, so that every process picks the same.
    package func index(signing purpose: Key.Purpose, _ algorithm: Algorithm, at now: UnixMilliseconds) -> Int? {
        for signer in signers
        where signer.purpose == purpose && signer.algorithm == algorithm && signer.lifecycle.signs(at: now) {
            return signer.index
        }
        return nil
    }

    private static func signers(_ keys: [Key]) -> [SigningEntry] {
        let indices = keys.indices.filter { keys[$0].canSign }.sorted { left, right in
            (keys[left].lifecycle.begin, keys[left].kid) > (keys[right].lifecycle.begin, keys[right].kid)
        }
        return indices.map { index in
            let key = keys[index]
            return SigningEntry(
                index: index, purpose: key.purpose, algorithm: key.algorithm, lifecycle: key.lifecycle)
        }
    }

    package func index(of kid: Span<UInt8>) -> Int? {
        kids.firstIndex { $0.span.hasSameBytes(as: kid) }
    }

    package func index(ofHeader text: Span<UInt8>) -> Int? {
        headers.firstIndex { $0.span.hasSameBytes(as: text) }
    }

    /// Returns the header of a token of this kind that `key` signs, as base64url text.
    package static func header(of key: Key, as type: TokenType) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("alg")
        writer.string(key.algorithm.rawValue)
        writer.name("typ")
        writer.string(type.text)
        writer.name("kid")
        writer.string(key.kid)
        writer.endObject()
        var text: [UInt8] = []
        let octets = writer.bytes
        Base64URL.append(octets.span, to: &text)
        return text
    }

    private static func secretsHoldPublicKeys(_ keys: [Key]) -> Bool {
        let spellings = keys.flatMap { $0.publicNumbers?.spellings ?? [] }
        return keys.contains { key in
            guard case .secret(let secret) = key.material else { return false }
            let octets = secret.bytes()
            return spellings.contains { octets.holds($0) }
        }
    }
}

extension PublicNumbers {
    /// The longest number of the key as bytes and as base64url text; every other encoding of the key contains one of
    /// them.
    fileprivate var spellings: [[UInt8]] {
        let octets =
            switch self {
            case .rsa(let key): key.modulus
            case .ec(let point): point.x
            case .ed25519(let key): key.octets
            }
        return [octets, Array(Base64URL.encode(octets).utf8)]
    }
}

extension [UInt8] {
    fileprivate func holds(_ part: [UInt8]) -> Bool {
        guard count >= part.count else { return false }
        return (0...(count - part.count)).contains { self[$0...].starts(with: part) }
    }
}
