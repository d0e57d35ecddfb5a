import COpenSSL

/// A public key, parsed once and shared by all threads; each works with its own ``SignatureVerifier``.
///
/// `@unchecked Sendable` holds because openssl-threads(7) allows sharing an object that no call modifies,
/// and nothing here modifies the key after `init`.
@safe package final class VerifyingKey: @unchecked Sendable {
    package let algorithm: SignatureAlgorithm
    package let components: RSAPublicComponents
    let handle: KeyHandle

    package init(_ components: RSAPublicComponents, for algorithm: SignatureAlgorithm) throws(CryptoFault) {
        var builder = try KeyBuilder()
        try builder.push("n", components.modulus)
        try builder.push("e", components.exponent)
        handle = try builder.key(selection: martlet_selection_public())
        self.components = components
        self.algorithm = algorithm
    }

    /// The length of every signature, in octets.
    package var signatureByteCount: Int { components.modulus.count }
}

/// One thread's verification under one key: prepared once, then used for every signature.
@safe package final class SignatureVerifier {
    private let key: VerifyingKey
    private let raw: OpaquePointer
    private let hash = SHA256Context()

    package init(_ key: VerifyingKey) throws(CryptoFault) {
        self.key = key
        unsafe raw = try SignatureContext.make(key.handle, key.algorithm, begin: EVP_PKEY_verify_init)
    }

    deinit { unsafe EVP_PKEY_CTX_free(raw) }

    /// Whether `signature` was made over `message` by this key's private half.
    ///
    /// The signature comes from a stranger, so every result but 1 means no, OpenSSL's negative ones included.
    package func accepts(_ signature: Span<UInt8>, over message: Span<UInt8>) -> Bool {
        // RFC 8017 §8.2.2 step 1; OpenSSL checks it too, but only after work.
        guard signature.count == key.signatureByteCount else { return false }
        let raw = unsafe raw
        let digest = hash.digest(message)
        let digestOctets = digest.span
        let status = unsafe signature.withUnsafeBufferPointer { signature in
            unsafe digestOctets.withUnsafeBufferPointer { digest in
                unsafe EVP_PKEY_verify(raw, signature.baseAddress, signature.count, digest.baseAddress, digest.count)
            }
        }
        guard status == 1 else {
            ERR_clear_error()
            return false
        }
        return true
    }
}
