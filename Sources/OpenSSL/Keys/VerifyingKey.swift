import COpenSSL

/// A public key, parsed once and shared by all threads; each thread uses its own ``SignatureVerifier``.
///
/// `@unchecked Sendable` is safe because openssl-threads(7) allows sharing an object that no call modifies, and nothing
/// here modifies the key after `init`.
@safe package final class VerifyingKey: @unchecked Sendable {
    package let algorithm: SignatureAlgorithm
    package let numbers: PublicNumbers
    let handle: KeyHandle

    /// - Throws: `.algorithmMismatch`, `.notOnCurve`.
    package init(_ numbers: PublicNumbers, for algorithm: SignatureAlgorithm) throws(CryptoError) {
        guard numbers.fit(algorithm) else { throw .algorithmMismatch }
        handle = try KeyHandle.make(numbers)
        self.numbers = numbers
        self.algorithm = algorithm
    }

    /// The length of every signature in bytes.
    package var signatureByteCount: Int {
        switch numbers {
        case .rsa(let key): key.modulus.count
        case .ec(let point): 2 * point.curve.coordinateByteCount
        case .ed25519: 64
        }
    }
}

/// Verifies with one key on one thread: prepared once, then used for every signature.
@safe package final class SignatureVerifier {
    private enum Method {
        /// RSA: the signature unchanged, over the digest.
        case digest(HashContext)
        case ecdsa(HashContext, Curve)
        case message(MessageContext)
    }

    private let key: VerifyingKey
    private let raw: OpaquePointer
    private let method: Method

    package init(_ key: VerifyingKey) throws(CryptoError) {
        self.key = key
        method =
            switch key.algorithm {
            case .rsaPKCS1(let hash), .rsaPSS(let hash): .digest(HashContext(hash))
            case .ecdsa(let curve): .ecdsa(HashContext(curve.hash), curve)
            case .ed25519: .message(try MessageContext())
            }
        unsafe raw = try SignatureContext.make(key.handle, key.algorithm, begin: EVP_PKEY_verify_init)
    }

    deinit { unsafe EVP_PKEY_CTX_free(raw) }

    /// Returns whether `signature` was made over `message` by this key's private half.
    ///
    /// The signature may come from an attacker, so every result except 1 means false, OpenSSL's negative ones included.
    package func accepts(_ signature: Span<UInt8>, over message: Span<UInt8>) -> Bool {
        // RFC 8017 §8.2.2 step 1 for RSA; for ECDSA, RFC 7518 §3.4 step 2 of validation.
        guard signature.count == key.signatureByteCount else { return false }
        let isGood: Bool
        switch method {
        case .digest(let hash):
            isGood = accepts(signature, hash.digest(message))
        case .ecdsa(let hash, let curve):
            guard let sequence = ECDSASignature.sequence(signature, curve) else { return false }
            isGood = accepts(sequence.span, hash.digest(message))
        case .message(let context):
            isGood = context.accepts(signature, over: message, key.handle)
        }
        if !isGood { ERR_clear_error() }
        return isGood
    }

    @inline(__always)
    private func accepts(_ signature: Span<UInt8>, _ digest: Digest) -> Bool {
        let raw = unsafe raw
        let octets = digest.span
        return unsafe signature.withUnsafeBufferPointer { signature in
            unsafe octets.withUnsafeBufferPointer { digest in
                unsafe EVP_PKEY_verify(
                    raw, signature.baseAddress, signature.count, digest.baseAddress, digest.count) == 1
            }
        }
    }
}

/// One thread's context for Ed25519, which hashes the message twice and therefore requires all of it at once.
@safe final class MessageContext {
    private let raw: OpaquePointer

    init() throws(CryptoError) {
        guard let raw = unsafe EVP_MD_CTX_new() else { throw .drained(from: "EVP_MD_CTX_new") }
        unsafe self.raw = raw
    }

    deinit { unsafe EVP_MD_CTX_free(raw) }

    func accepts(_ signature: Span<UInt8>, over message: Span<UInt8>, _ key: KeyHandle) -> Bool {
        let raw = unsafe raw
        guard unsafe EVP_MD_CTX_reset(raw) == 1, unsafe EVP_DigestVerifyInit(raw, nil, nil, nil, key.raw) == 1 else {
            return false
        }
        return unsafe signature.withUnsafeBufferPointer { signature in
            unsafe message.withUnsafeBufferPointer { message in
                unsafe EVP_DigestVerify(
                    raw, signature.baseAddress, signature.count, message.baseAddress, message.count) == 1
            }
        }
    }

    func sign(_ message: Span<UInt8>, _ key: KeyHandle) throws(CryptoError) -> [UInt8] {
        let raw = unsafe raw
        guard unsafe EVP_MD_CTX_reset(raw) == 1, unsafe EVP_DigestSignInit(raw, nil, nil, nil, key.raw) == 1 else {
            throw .drained(from: "EVP_DigestSignInit")
        }
        var signature = [UInt8](repeating: 0, count: 64)
        var count = signature.count
        let status = unsafe message.withUnsafeBufferPointer {
            unsafe EVP_DigestSign(raw, &signature, &count, $0.baseAddress, $0.count)
        }
        guard status == 1, count == signature.count else { throw .drained(from: "EVP_DigestSign") }
        return signature
    }
}
