import COpenSSL

/// A private key, checked once and shared by all threads; each thread uses its own ``Signer``.
///
/// `@unchecked Sendable` is safe for the same reason as for ``VerifyingKey``: a ``Signer`` works on its own copy.
@safe package final class SigningKey: @unchecked Sendable {
    package let verifyingKey: VerifyingKey
    let handle: KeyHandle

    package var algorithm: SignatureAlgorithm { verifyingKey.algorithm }

    /// Checks that the halves belong together, RSA primes included.
    package init(_ numbers: PrivateNumbers, for algorithm: SignatureAlgorithm) throws(CryptoError) {
        verifyingKey = try VerifyingKey(numbers.publicHalf, for: algorithm)
        handle = try KeyHandle.make(numbers)
    }

    private init(generated handle: KeyHandle, for algorithm: SignatureAlgorithm) throws(CryptoError) {
        verifyingKey = try VerifyingKey(handle.publicNumbers(), for: algorithm)
        self.handle = handle
    }

    /// Generates a key: RSA of 2048 bits with exponent 65537, or of the algorithm's curve.
    package static func generate(for algorithm: SignatureAlgorithm) throws(CryptoError) -> SigningKey {
        try SigningKey(generated: .generate(for: algorithm), for: algorithm)
    }

    /// Returns the private numbers, for writing the key's own file.
    package func privateNumbers() throws(CryptoError) -> PrivateNumbers {
        try handle.privateNumbers()
    }
}

/// Signs with one key on one thread: prepared once, then used for every signature.
@safe package final class Signer {
    private enum Method {
        case digest(HashContext)
        case ecdsa(HashContext, Curve)
        case message(MessageContext)
    }

    private let key: KeyHandle
    private let raw: OpaquePointer
    private let signatureByteCount: Int
    private let method: Method

    package init(_ key: SigningKey) throws(CryptoError) {
        // RSA blinding writes to the key under a lock; with its own copy no thread waits for another.
        self.key = try key.handle.copy()
        signatureByteCount = key.verifyingKey.signatureByteCount
        method =
            switch key.algorithm {
            case .rsaPKCS1(let hash), .rsaPSS(let hash): .digest(HashContext(hash))
            case .ecdsa(let curve): .ecdsa(HashContext(curve.hash), curve)
            case .ed25519: .message(try MessageContext())
            }
        unsafe raw = try SignatureContext.make(self.key, key.algorithm, begin: EVP_PKEY_sign_init)
    }

    deinit { unsafe EVP_PKEY_CTX_free(raw) }

    /// Returns the signature of `message` in the encoding of a JWS. Except for ECDSA and PSS, the same message gives
    /// the same bytes.
    package func sign(_ message: Span<UInt8>) throws(CryptoError) -> [UInt8] {
        switch method {
        case .digest(let hash):
            let signature = try sign(hash.digest(message), byteCountMax: signatureByteCount)
            guard signature.count == signatureByteCount else { throw .drained(from: "EVP_PKEY_sign") }
            return signature
        case .ecdsa(let hash, let curve):
            // An ASN.1 sequence of two numbers, each with a possible sign byte.
            let sequence = try sign(hash.digest(message), byteCountMax: signatureByteCount + 9)
            guard let signature = ECDSASignature.numbers(sequence, curve) else {
                throw .library(function: "EVP_PKEY_sign", reason: "not a sequence of two numbers")
            }
            return signature
        case .message(let context):
            return try context.sign(message, key)
        }
    }

    private func sign(_ digest: Digest, byteCountMax: Int) throws(CryptoError) -> [UInt8] {
        let raw = unsafe raw
        let octets = digest.span
        var status: Int32 = 0
        let signature = unsafe [UInt8](unsafeUninitializedCapacity: byteCountMax) { output, count in
            count = byteCountMax
            unsafe octets.withUnsafeBufferPointer { digest in
                status = unsafe EVP_PKEY_sign(raw, output.baseAddress, &count, digest.baseAddress, digest.count)
            }
            if status != 1 { count = 0 }
        }
        guard status == 1 else { throw .drained(from: "EVP_PKEY_sign") }
        return signature
    }
}
