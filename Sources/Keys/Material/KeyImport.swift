import Encoding
package import JOSE
import OpenSSL
package import Platform

extension Key {
    /// Imports a key made by other software: a JWK; PEM or DER of a private key, a public key or a certificate; or, for
    /// HS*, a raw secret, all of whose bytes count.
    ///
    /// - Parameters:
    ///   - algorithm: required if the key names none and several fit; otherwise it must equal the key's own.
    ///   - kid: by default the JWK's own, the thumbprint of a pair, or a random name for a secret.
    ///   - createdAt: rounded to whole seconds, as in the file.
    /// - Throws: a ``KeyError``, also for secrets that are weak or known (RFC 8725 §3.5), and for a set of keys.
    package init(
        importing bytes: Span<UInt8>, algorithm asked: Algorithm?, purpose: Purpose, kid: String?,
        createdAt: UnixMilliseconds
    ) throws(KeyError) {
        let jwk = try Self.jwk(bytes, asked)
        let algorithm = try jwk.bound(to: asked)
        if case .secret(let octets) = jwk.material { try Self.judge(octets, for: algorithm) }
        var name = kid ?? jwk.kid
        // A secret's thumbprint in every token would let an attacker guess the secret offline.
        if jwk.material.publicNumbers == nil { name = name ?? Base64URL.encode(Random.bytes(16)) }
        try self.init(
            jwk, kid: name, algorithm: algorithm, purpose: purpose,
            lifecycle: KeyLifecycle(createdAt: createdAt.seconds.milliseconds))
    }

    private static func jwk(_ bytes: Span<UInt8>, _ asked: Algorithm?) throws(KeyError) -> JWK {
        if bytes.isArrayOfKeys { throw .arrayOfKeys }
        if bytes.isJSON {
            var document = JSONDocument()
            do { try document.parse(bytes) } catch { throw .notJSON(error) }
            guard document.member("keys", of: 0, in: bytes) == nil else {
                throw .setOfKeys
            }
            return try JWK(document, 0, in: bytes)
        }
        if let asked, asked.isMAC {
            return JWK(material: .secret(try VerificationKeySet.rawSecret(bytes, for: asked)), algorithm: asked)
        }
        let text: KeyText
        do { text = try KeyText(parsing: bytes) } catch { throw .crypto(error) }
        let material: JWK.Material =
            if let pair = text.privateNumbers { .pair(pair) } else { .publicHalf(text.publicNumbers) }
        return JWK(material: material, algorithm: try text.bound(to: asked))
    }

    /// Checks the length and the strength of a secret.
    ///
    /// - Throws: `.secretTooShort` (RFC 7518 §3.2), `.weakSecret` (RFC 8725 §2.1, §3.5).
    static func judge(_ secret: [UInt8], for algorithm: Algorithm) throws(KeyError) {
        let byteCountMin = algorithm.mac?.byteCount ?? 32
        guard secret.count >= byteCountMin else {
            throw .crypto(.secretTooShort(byteCount: secret.count, byteCountMin: byteCountMin))
        }
        guard SecretStrength.isAcceptable(secret) else { throw .weakSecret }
    }
}

/// The format in which a key is exported.
package enum KeyForm: String, CaseIterable, Sendable {
    case pem, jwk, jwks
}

extension Key {
    /// Returns the public half for export, with a line end.
    ///
    /// - Throws: `.noPublicHalf` for a secret.
    package func publicText(_ form: KeyForm) throws(KeyError) -> [UInt8] {
        guard let numbers = publicNumbers, let jwk = publicJWK() else { throw .noPublicHalf }
        switch form {
        case .pem: return try Self.pem { () throws(CryptoError) in try KeyText.pem(numbers) }
        case .jwk: return jwk + [UInt8(ascii: "\n")]
        case .jwks: return Self.set(of: jwk)
        }
    }

    /// Returns the whole key for export, secret members included.
    ///
    /// - Throws: `.unsupported` for a secret in PEM, which has no form for it; `.noPrivateHalf`.
    package func privateText(_ form: KeyForm) throws(KeyError) -> [UInt8] {
        if case .publicHalf = material { throw .noPrivateHalf }
        switch form {
        case .pem:
            guard case .pair(let pair) = material else { throw .unsupported("a secret in PEM") }
            return try Self.pem { () throws(CryptoError) in try KeyText.pem(pair) }
        case .jwk: return try privateJWK()
        case .jwks: return Self.set(of: try privateJWK())
        }
    }

    private static func pem(_ write: () throws(CryptoError) -> [UInt8]) throws(KeyError) -> [UInt8] {
        do { return try write() } catch { throw .crypto(error) }
    }

    private static func set(of jwk: [UInt8]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("keys")
        writer.beginArray()
        writer.raw(jwk)
        writer.endArray()
        writer.endObject()
        return writer.bytes + [UInt8(ascii: "\n")]
    }
}
