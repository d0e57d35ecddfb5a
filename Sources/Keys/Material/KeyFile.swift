import Encoding
package import JOSE
import OpenSSL
import Platform

/// The format of a key's own file: a private JWK with `alg`, `use`, `kid` and these additional members.
///
/// - `purpose`: `access` or `refresh`; required.
/// - `iat`: when it was made, in seconds since 1970; required.
/// - `signs_from`, `signs_until`, `verifies_until`, `compromised_at`: its life cycle in seconds since 1970; optional.
extension Key {
    /// Parses a key file.
    ///
    /// - Throws: a ``KeyError``, also for secrets that are too short (RFC 7518 §3.2), weak (RFC 8725 §3.5), or public
    ///   keys in disguise (RFC 8725 §2.1).
    package init(parsing bytes: Span<UInt8>) throws(KeyError) {
        var document = JSONDocument()
        do { try document.parse(bytes) } catch { throw .notJSON(error) }
        let jwk = try JWK(document, 0, in: bytes)
        guard let algorithm = jwk.algorithm else { throw .memberMissing("alg") }
        if case .secret(let octets) = jwk.material { try Self.judge(octets, for: algorithm) }
        guard let purposeNode = document.member("purpose", of: 0, in: bytes) else { throw .memberMissing("purpose") }
        guard let text = document.string(purposeNode, in: bytes), let purpose = Purpose(rawValue: text) else {
            throw .memberInvalid("purpose")
        }
        guard let createdAt = try Self.time("iat", document, in: bytes) else { throw .memberMissing("iat") }
        let lifecycle = KeyLifecycle(
            createdAt: createdAt, signsFrom: try Self.time("signs_from", document, in: bytes),
            signsUntil: try Self.time("signs_until", document, in: bytes),
            verifiesUntil: try Self.time("verifies_until", document, in: bytes),
            compromisedAt: try Self.time("compromised_at", document, in: bytes))
        try self.init(jwk, purpose: purpose, lifecycle: lifecycle)
    }

    /// Returns the name of the key in a file that marks it as compromised; `nil` without such a mark.
    ///
    /// The mark counts even if the rest of the file is unusable.
    package static func compromisedName(in bytes: Span<UInt8>) -> String? {
        var document = JSONDocument()
        guard (try? document.parse(bytes)) != nil, document.member("compromised_at", of: 0, in: bytes) != nil else {
            return nil
        }
        if let key = try? Key(parsing: bytes) { return key.kid }
        return document.member("kid", of: 0, in: bytes).flatMap { document.string($0, in: bytes) }
    }

    /// Returns the content of the key's file, secret members included.
    package func privateJWK() throws(KeyError) -> [UInt8] {
        var writer = JSONWriter(isPretty: true)
        writer.beginObject()
        try writeMaterial(to: &writer)
        writer.name("use")
        writer.string("sig")
        if !canSign {
            writer.name("key_ops")
            writer.beginArray()
            writer.string("verify")
            writer.endArray()
        }
        writer.name("alg")
        writer.string(algorithm.rawValue)
        writer.name("kid")
        writer.string(kid)
        writer.name("purpose")
        writer.string(purpose.rawValue)
        writer.name("iat")
        writer.integer(lifecycle.createdAt.seconds.count)
        let times: [(StaticString, UnixMilliseconds?)] = [
            ("signs_from", lifecycle.signsFrom), ("signs_until", lifecycle.signsUntil),
            ("verifies_until", lifecycle.verifiesUntil), ("compromised_at", lifecycle.compromisedAt),
        ]
        for case (let name, let time?) in times {
            writer.name(name)
            writer.integer(time.seconds.count)
        }
        writer.endObject()
        return writer.bytes + [UInt8(ascii: "\n")]
    }

    /// Returns the public JWK, or `nil` for a secret, which is never published (RFC 7517 §9.2).
    package func publicJWK() -> [UInt8]? {
        guard let numbers = publicNumbers else { return nil }
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("kty")
        writer.string(numbers.kty)
        writer.name("use")
        writer.string("sig")
        writer.name("alg")
        writer.string(algorithm.rawValue)
        writer.name("kid")
        writer.string(kid)
        numbers.write(to: &writer)
        writer.endObject()
        return writer.bytes
    }

    private func writeMaterial(to writer: inout JSONWriter) throws(KeyError) {
        writer.name("kty")
        guard let numbers = publicNumbers else {
            guard case .secret(let secret) = material else { return }
            writer.string("oct")
            writer.octets("k", secret.bytes())
            return
        }
        writer.string(numbers.kty)
        numbers.write(to: &writer)
        guard case .pair(let pair) = material else { return }
        do throws(CryptoError) {
            switch try pair.privateNumbers() {
            case .rsa(let key):
                let members: [(StaticString, [UInt8])] = [
                    ("d", key.d), ("p", key.p), ("q", key.q), ("dp", key.dp), ("dq", key.dq), ("qi", key.qi),
                ]
                for (name, octets) in members { writer.octets(name, octets) }
            case .ec(let key): writer.octets("d", key.d)
            case .ed25519(let key): writer.octets("d", key.seed)
            }
        } catch {
            throw .crypto(error)
        }
    }

    /// Reads a member in seconds.
    private static func time(
        _ name: StaticString, _ document: JSONDocument, in bytes: Span<UInt8>
    ) throws(KeyError) -> UnixMilliseconds? {
        guard let node = document.member(name, of: 0, in: bytes) else { return nil }
        guard let seconds = document.integer(node, in: bytes).map(UnixSeconds.init(_:)),
            NumericDate.range.contains(seconds)
        else {
            throw .memberInvalid("\(name)")
        }
        return seconds.milliseconds
    }
}

extension PublicNumbers {
    fileprivate var kty: String {
        switch self {
        case .rsa: "RSA"
        case .ec: "EC"
        case .ed25519: "OKP"
        }
    }

    fileprivate func write(to writer: inout JSONWriter) {
        switch self {
        case .rsa(let key):
            writer.octets("n", key.modulus)
            writer.octets("e", key.exponent)
        case .ec(let point):
            writer.name("crv")
            writer.string(point.curve.rawValue)
            writer.octets("x", point.x)
            writer.octets("y", point.y)
        case .ed25519(let key):
            writer.name("crv")
            writer.string("Ed25519")
            writer.octets("x", key.octets)
        }
    }
}

extension JSONWriter {
    fileprivate mutating func octets(_ name: StaticString, _ octets: [UInt8]) {
        self.name(name)
        string(Base64URL.encode(octets))
    }
}
