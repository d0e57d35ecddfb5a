import Encoding
import OpenSSL

/// The keys of one file or of one published set, for verifying other issuers' tokens.
package struct VerificationKeySet: Sendable {
    package static let byteCountMax = 1_048_576
    package static let keyCountMax = 256

    /// Never empty.
    package let keys: [VerificationKey]
    /// Whether the keys came as a JWK set, so that a token's `kid` selects among them; a single key is used for every
    /// token.
    package let isSet: Bool

    /// Parses a public key, private key or certificate in PEM or DER, a JWK, a JWK set, or for HS* a raw secret, all of
    /// whose bytes count.
    ///
    /// The algorithm is the key's own, or `algorithm`, or the only one that fits; RSA keys of a set that name no
    /// algorithm are RS256, the default of OpenID providers. Keys of a set that are not supported, or are for an
    /// algorithm other than `algorithm`, are skipped (RFC 7517 §5).
    ///
    /// - Throws: a ``KeyError``; for a set also if no key is left, or if secrets and public keys are mixed.
    package init(parsing bytes: Span<UInt8>, algorithm: Algorithm?) throws(KeyError) {
        guard bytes.count <= Self.byteCountMax else { throw .crypto(.unusableKey(reason: "more than 1 MiB")) }
        if bytes.isArrayOfKeys { throw .arrayOfKeys }
        if bytes.isJSON {
            self = try Self.json(bytes, algorithm)
            return
        }
        if let algorithm, algorithm.isMAC {
            let octets = try Self.rawSecret(bytes, for: algorithm)
            self.init([try VerificationKey(secret: octets, algorithm)], isSet: false)
            return
        }
        let text: KeyText
        do { text = try KeyText(parsing: bytes) } catch { throw .crypto(error) }
        self.init([try VerificationKey(text, algorithm: algorithm)], isSet: false)
    }

    private init(_ keys: [VerificationKey], isSet: Bool) {
        self.keys = keys
        self.isSet = isSet
    }

    private static func json(
        _ bytes: Span<UInt8>, _ algorithm: Algorithm?
    ) throws(KeyError) -> VerificationKeySet {
        var document = JSONDocument(limits: JSONLimits(memberMax: 16_384, byteCountMax: byteCountMax))
        do { try document.parse(bytes) } catch { throw .notJSON(error) }
        guard let list = document.member("keys", of: 0, in: bytes) else {
            let key = try VerificationKey(JWK(document, 0, in: bytes), algorithm: algorithm)
            return VerificationKeySet([key], isSet: false)
        }
        guard document.kind(list) == .array else { throw .memberInvalid("keys") }
        let nodes = document.children(list)
        guard nodes.count <= keyCountMax else {
            throw .tooManyKeys(count: nodes.count, countMax: keyCountMax)
        }
        let keys = try usable(document, nodes, in: bytes, algorithm)
        guard Set(keys.map(\.algorithm.isMAC)).count == 1 else { throw .mixedSet }
        return VerificationKeySet(keys, isSet: true)
    }

    private static func usable(
        _ document: JSONDocument, _ nodes: [JSONDocument.Node], in bytes: Span<UInt8>, _ asked: Algorithm?
    ) throws(KeyError) -> [VerificationKey] {
        var keys: [VerificationKey] = []
        var seen: Set<[UInt8]> = []
        var first: KeyError?
        for node in nodes {
            do throws(KeyError) {
                let jwk = try JWK(document, node, in: bytes)
                // A repeated entry is one key, and must not displace a different key of the same name.
                guard seen.insert(Array(document.raw(node, in: bytes))).inserted else { continue }
                let isBare = jwk.algorithm == nil && asked == nil
                let isRSA = if case .rsa = jwk.material.publicNumbers { true } else { false }
                keys.append(try VerificationKey(jwk, algorithm: isBare && isRSA ? .rs256 : asked))
            } catch {
                first = first ?? error
            }
        }
        guard !keys.isEmpty else { throw .noneUsable(first) }
        return keys
    }

    /// Returns the secret; rejects text that looks like an asymmetric key (RFC 8725 §2.1).
    ///
    /// - Throws: `.algorithmMismatch`.
    package static func rawSecret(_ bytes: Span<UInt8>, for algorithm: Algorithm) throws(KeyError) -> [UInt8] {
        let octets = bytes.indices.map { bytes[$0] }
        guard !KeyText.isPEM(bytes), !SecretStrength.looksLikeKey(octets) else { throw .algorithmMismatch(algorithm) }
        return octets
    }
}

extension VerificationKeySet {
    /// The maximum number of keys with one `kid` and algorithm that are tried.
    package static let sameNameCountMax = 4

    /// Verifies a compact JWS.
    ///
    /// A single key is tried whatever the token's `kid`. In a set, the keys that `kid` names are tried in their order:
    /// one (RFC 7517 §4.5), at most ``sameNameCountMax``. If it names none, the keys without a name are tried; for a
    /// token without `kid`, all keys. Only keys with the token's algorithm are tried.
    ///
    /// - Throws: `.kidUnknown` if `kid` names no key and every key has a name; otherwise as
    ///   ``VerificationKey/check(_:byteCountMax:)``.
    package func check(
        _ token: Span<UInt8>, byteCountMax: Int = CompactJWS.foreignByteCountMax
    ) throws(TokenRejection) -> VerifiedJWS {
        let parts = try JWSParts(token, byteCountMax: byteCountMax)
        var candidates = keys
        var countMax = Int.max
        if isSet, let kid = parts.protected.kid {
            let named = keys.filter { $0.kid?.isSpelled(as: kid) ?? false }
            candidates = named.isEmpty ? keys.filter { $0.kid == nil } : named
            if !named.isEmpty { countMax = Self.sameNameCountMax }
            guard !candidates.isEmpty else { throw .kidUnknown }
        }
        candidates = candidates.filter { $0.algorithm == parts.protected.algorithm }
        guard !candidates.isEmpty else { throw .algNotAllowed }
        for key in candidates.prefix(countMax) where key.accepts(parts, token) { return key.verified(parts) }
        throw .signatureInvalid
    }
}

extension Span<UInt8> {
    /// Whether the bytes are a JSON array of objects, as a set of keys without its outer object is.
    package var isArrayOfKeys: Bool {
        var document = JSONDocument(
            limits: JSONLimits(memberMax: 16_384, byteCountMax: VerificationKeySet.byteCountMax))
        guard (try? document.parse(self)) != nil, let first = document.children(0).first else { return false }
        return document.member("kty", of: first, in: self) != nil
    }

    /// Whether the bytes look like a JSON object: text after a brace. Random bytes after a brace are not text.
    package var isJSON: Bool {
        let octets = indices.map { self[$0] }
        let text = octets.drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
        return text.first == UInt8(ascii: "{") && String(validating: text, as: UTF8.self) != nil
            && text.allSatisfy { $0 >= 0x20 || (0x09...0x0D).contains($0) }
    }
}
