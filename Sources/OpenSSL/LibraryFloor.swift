import COpenSSL

/// Runs only the library's own operations, prepared as far as possible: the baseline for measuring this project's code.
@safe package final class LibraryFloor {
    private let raw: OpaquePointer
    private let isMAC: Bool
    /// The digest of the message that is signed.
    private let digest: Digest
    private var signature: [UInt8] = []
    private let byteCountMax: Int

    /// Prepares HMAC: EVP_MAC_init without a key, EVP_MAC_update, EVP_MAC_final.
    package init(_ key: MACKey) throws(CryptoError) {
        guard let raw = unsafe EVP_MAC_CTX_new(FetchedAlgorithms.hmac) else { throw .drained(from: "EVP_MAC_CTX_new") }
        let parameter: StaticString = "digest"
        let digest = key.hash.name
        let status = key.withOctets { secret in
            unsafe secret.withUnsafeBufferPointer { secret in
                // The parameters keep these pointers, so the texts are static; nothing writes through them.
                let parameters = unsafe [
                    OSSL_PARAM_construct_utf8_string(
                        UnsafeRawPointer(parameter.utf8Start).assumingMemoryBound(to: CChar.self),
                        UnsafeMutableRawPointer(mutating: digest.utf8Start).assumingMemoryBound(to: CChar.self), 0),
                    OSSL_PARAM_construct_end(),
                ]
                return unsafe EVP_MAC_init(raw, secret.baseAddress, secret.count, parameters)
            }
        }
        guard status == 1 else {
            unsafe EVP_MAC_CTX_free(raw)
            throw .drained(from: "EVP_MAC_init")
        }
        unsafe self.raw = raw
        isMAC = true
        self.digest = Digest(byteCount: key.hash.byteCount)
        byteCountMax = 0
    }

    /// Prepares EVP_PKEY_sign, or EVP_PKEY_verify of its own signature, over a digest computed before.
    ///
    /// - Throws: `.algorithmMismatch` for Ed25519, which has no digest.
    package init(_ key: SigningKey, verifying: Bool, over message: Span<UInt8>) throws(CryptoError) {
        guard let hash = key.algorithm.hash else { throw .algorithmMismatch }
        digest = HashContext(hash).digest(message)
        isMAC = false
        let signing = unsafe try SignatureContext.make(key.handle, key.algorithm, begin: EVP_PKEY_sign_init)
        defer { if verifying { unsafe EVP_PKEY_CTX_free(signing) } }
        if verifying {
            unsafe raw = try SignatureContext.make(
                key.verifyingKey.handle, key.algorithm, begin: EVP_PKEY_verify_init)
        } else {
            unsafe raw = signing
        }
        byteCountMax = key.verifyingKey.signatureByteCount + 16
        guard unsafe sign(signing) else { throw .drained(from: "EVP_PKEY_sign") }
    }

    deinit {
        if isMAC { unsafe EVP_MAC_CTX_free(raw) } else { unsafe EVP_PKEY_CTX_free(raw) }
    }

    package func authenticate(_ message: Span<UInt8>) -> Bool {
        let raw = unsafe raw
        var tag = digest
        var byteCount = 0
        let isRead = unsafe message.withUnsafeBufferPointer { message in
            unsafe EVP_MAC_init(raw, nil, 0, nil) == 1 && EVP_MAC_update(raw, message.baseAddress, message.count) == 1
        }
        return unsafe isRead && tag.withRoom { unsafe EVP_MAC_final(raw, $0.baseAddress, &byteCount, $0.count) == 1 }
    }

    package func sign() -> Bool { unsafe sign(raw) }

    package func verify() -> Bool {
        let raw = unsafe raw
        let octets = digest.span
        return unsafe signature.withUnsafeBufferPointer { signature in
            unsafe octets.withUnsafeBufferPointer { digest in
                unsafe EVP_PKEY_verify(
                    raw, signature.baseAddress, signature.count, digest.baseAddress, digest.count) == 1
            }
        }
    }

    private func sign(_ context: OpaquePointer) -> Bool {
        let octets = digest.span
        var status: Int32 = 0
        let made = unsafe [UInt8](unsafeUninitializedCapacity: byteCountMax) { room, count in
            count = byteCountMax
            status = unsafe octets.withUnsafeBufferPointer { digest in
                unsafe EVP_PKEY_sign(context, room.baseAddress, &count, digest.baseAddress, digest.count)
            }
            if status != 1 { count = 0 }
        }
        signature = made
        return status == 1
    }
}
