import COpenSSL

/// What keeps the bench from measuring.
struct BenchError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Runs only the library's own operations, prepared as far as possible: what Martlet's own code is compared with. All
/// of them use SHA-256.
final class BareOpenSSL {
    private enum Context {
        case mac(OpaquePointer)
        /// The key stays alive as long as its context.
        case signature(OpaquePointer, key: OpaquePointer)
    }

    private static let digestByteCount = 32

    private let context: Context
    /// The digest of the message that is signed.
    private var digest = [UInt8](repeating: 0, count: digestByteCount)
    private var signature: [UInt8] = []

    /// Prepares HMAC: EVP_MAC_init without a key, EVP_MAC_update, EVP_MAC_final.
    init(secret: [UInt8]) throws {
        guard let algorithm = unsafe EVP_MAC_fetch(nil, "HMAC", nil) else { throw BenchError("EVP_MAC_fetch failed") }
        defer { unsafe EVP_MAC_free(algorithm) }
        guard let raw = unsafe EVP_MAC_CTX_new(algorithm) else { throw BenchError("EVP_MAC_CTX_new failed") }
        context = .mac(raw)
        var name = Array("SHA256".utf8CString)
        let status = unsafe name.withUnsafeMutableBufferPointer { name in
            let parameters = unsafe [
                OSSL_PARAM_construct_utf8_string("digest", name.baseAddress, 0), OSSL_PARAM_construct_end(),
            ]
            return unsafe EVP_MAC_init(raw, secret, secret.count, parameters)
        }
        guard status == 1 else { throw BenchError("EVP_MAC_init failed") }
    }

    /// Prepares EVP_PKEY_sign, or EVP_PKEY_verify of its own signature, over a digest computed before.
    ///
    /// - Parameter pem: an RSA key for PKCS #1 v1.5, or an EC key, in PKCS #8.
    init(pem: [UInt8], verifying: Bool, over message: [UInt8]) throws {
        let key = try Self.key(pem)
        let signing = try Self.prepared(key, EVP_PKEY_sign_init)
        context = .signature(verifying ? try Self.prepared(key, EVP_PKEY_verify_init) : signing, key: key)
        defer { if verifying { unsafe EVP_PKEY_CTX_free(signing) } }
        guard unsafe EVP_Digest(message, message.count, &digest, nil, EVP_sha256(), nil) == 1 else {
            throw BenchError("EVP_Digest failed")
        }
        guard sign(signing) else { throw BenchError("EVP_PKEY_sign failed") }
    }

    deinit {
        switch context {
        case .mac(let raw): unsafe EVP_MAC_CTX_free(raw)
        case .signature(let raw, let key):
            unsafe EVP_PKEY_CTX_free(raw)
            unsafe EVP_PKEY_free(key)
        }
    }

    private static func key(_ pem: [UInt8]) throws -> OpaquePointer {
        guard let bio = unsafe BIO_new_mem_buf(pem, Int32(clamping: pem.count)) else {
            throw BenchError("BIO_new_mem_buf failed")
        }
        defer { unsafe BIO_free(bio) }
        guard let key = unsafe PEM_read_bio_PrivateKey(bio, nil, nil, nil) else {
            throw BenchError("PEM_read_bio_PrivateKey failed")
        }
        return key
    }

    private static func prepared(_ key: OpaquePointer, _ begin: (OpaquePointer) -> Int32) throws -> OpaquePointer {
        guard let context = unsafe EVP_PKEY_CTX_new_from_pkey(nil, key, nil) else {
            throw BenchError("EVP_PKEY_CTX_new_from_pkey failed")
        }
        let isRSA = unsafe EVP_PKEY_is_a(key, "RSA") == 1
        guard unsafe begin(context) == 1,
            unsafe !isRSA || EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1,
            unsafe EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1
        else { throw BenchError("EVP_PKEY_CTX cannot be prepared") }
        return context
    }

    func authenticate(_ message: [UInt8]) -> Bool {
        guard case .mac(let raw) = context else { return false }
        var byteCount = 0
        return unsafe EVP_MAC_init(raw, nil, 0, nil) == 1 && EVP_MAC_update(raw, message, message.count) == 1
            && EVP_MAC_final(raw, &digest, &byteCount, Self.digestByteCount) == 1
    }

    func sign() -> Bool {
        guard case .signature(let raw, _) = context else { return false }
        return sign(raw)
    }

    func verify() -> Bool {
        guard case .signature(let raw, _) = context else { return false }
        return unsafe EVP_PKEY_verify(raw, signature, signature.count, digest, digest.count) == 1
    }

    private func sign(_ context: OpaquePointer) -> Bool {
        // As long as the signature of an RSA key of 4096 bits.
        var status: Int32 = 0
        signature = unsafe [UInt8](unsafeUninitializedCapacity: 512) { room, count in
            count = 512
            status = unsafe EVP_PKEY_sign(context, room.baseAddress, &count, digest, digest.count)
            if status != 1 { count = 0 }
        }
        return status == 1
    }
}
