import COpenSSL

/// A private key, checked once and shared by all threads; each works with its own ``Signer``.
///
/// `@unchecked Sendable` holds for the same reason as for ``VerifyingKey``: a ``Signer`` works on its own copy.
@safe package final class SigningKey: @unchecked Sendable {
    package let verifyingKey: VerifyingKey
    let handle: KeyHandle

    package var algorithm: SignatureAlgorithm { verifyingKey.algorithm }

    /// Checks that the members belong together, primality included (EVP_PKEY_check); that takes tens of milliseconds.
    package init(_ components: RSAPrivateComponents, for algorithm: SignatureAlgorithm) throws(CryptoFault) {
        verifyingKey = try VerifyingKey(components.publicHalf, for: algorithm)
        var builder = try KeyBuilder()
        try builder.push("n", components.publicHalf.modulus)
        try builder.push("e", components.publicHalf.exponent)
        try builder.push("d", components.d)
        try builder.push("rsa-factor1", components.p)
        try builder.push("rsa-factor2", components.q)
        try builder.push("rsa-exponent1", components.dp)
        try builder.push("rsa-exponent2", components.dq)
        try builder.push("rsa-coefficient1", components.qi)
        handle = try builder.key(selection: martlet_selection_keypair())
        try handle.checkConsistency()
    }

    private init(generated handle: KeyHandle, for algorithm: SignatureAlgorithm) throws(CryptoFault) {
        verifyingKey = try VerifyingKey(
            RSAPublicComponents(modulus: handle.number("n"), exponent: handle.number("e")), for: algorithm)
        self.handle = handle
    }

    /// A new RSA key of 2048 bits with exponent 65537.
    package static func generate(for algorithm: SignatureAlgorithm) throws(CryptoFault) -> SigningKey {
        try SigningKey(generated: .generateRSA2048(), for: algorithm)
    }

    /// The private numbers, for writing the key's own file.
    package func privateComponents() throws(CryptoFault) -> RSAPrivateComponents {
        try RSAPrivateComponents(
            publicHalf: verifyingKey.components, d: handle.number("d"), p: handle.number("rsa-factor1"),
            q: handle.number("rsa-factor2"), dp: handle.number("rsa-exponent1"), dq: handle.number("rsa-exponent2"),
            qi: handle.number("rsa-coefficient1"))
    }
}

/// One thread's signing under one key: prepared once, then used for every signature.
@safe package final class Signer {
    private let key: KeyHandle
    private let raw: OpaquePointer
    private let signatureByteCount: Int
    private let hash = SHA256Context()

    package init(_ key: SigningKey) throws(CryptoFault) {
        // RSA blinding writes to the key under a lock; with a copy of its own no thread waits for another.
        self.key = try key.handle.copy()
        signatureByteCount = key.verifyingKey.signatureByteCount
        unsafe raw = try SignatureContext.make(self.key, key.algorithm, begin: EVP_PKEY_sign_init)
    }

    deinit { unsafe EVP_PKEY_CTX_free(raw) }

    /// The signature of `message`; the same message gives the same octets.
    package func sign(_ message: Span<UInt8>) throws(CryptoFault) -> [UInt8] {
        let raw = unsafe raw
        let digest = hash.digest(message)
        let digestOctets = digest.span
        var status: Int32 = 0
        let signature = unsafe [UInt8](unsafeUninitializedCapacity: signatureByteCount) { output, count in
            count = output.count
            unsafe digestOctets.withUnsafeBufferPointer { digest in
                status = unsafe EVP_PKEY_sign(raw, output.baseAddress, &count, digest.baseAddress, digest.count)
            }
            if status != 1 { count = 0 }
        }
        guard status == 1, signature.count == signatureByteCount else { throw .drained(from: "EVP_PKEY_sign") }
        return signature
    }
}
