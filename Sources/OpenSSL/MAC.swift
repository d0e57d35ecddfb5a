import COpenSSL
import Octets

/// A secret for HMAC with one hash function (HS256, HS384 or HS512), shared by all threads.
package final class MACKey: Sendable {
    package let hash: HashFunction
    private let secret: Secret

    /// - Throws: `.secretTooShort` below the hash's length (RFC 7518 §3.2).
    package init(_ octets: consuming [UInt8], for hash: HashFunction = .sha256) throws(CryptoFault) {
        guard octets.count >= hash.byteCount else {
            throw .secretTooShort(byteCount: octets.count, byteCountMin: hash.byteCount)
        }
        self.hash = hash
        secret = Secret(octets)
    }

    /// A copy of the secret, for writing the key's own file.
    package func octets() -> [UInt8] { secret.octets }

    func withOctets<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        secret.withBytes(body)
    }
}

/// One thread's HMAC under one key, keyed once and re-armed for every message (EVP_MAC_init without a key).
@safe package final class MACContext {
    package let tagByteCount: Int

    let raw: OpaquePointer

    package init(_ key: MACKey) throws(CryptoFault) {
        guard let raw = unsafe EVP_MAC_CTX_new(FetchedAlgorithms.hmac) else { throw .drained(from: "EVP_MAC_CTX_new") }
        unsafe self.raw = raw
        tagByteCount = key.hash.byteCount
        let parameter: StaticString = "digest"
        let digest = key.hash.name
        let status = key.withOctets { secret in
            unsafe secret.withUnsafeBufferPointer { secret in
                // The parameters keep these pointers, which is why the texts are static; nobody writes through them.
                let parameters = unsafe [
                    OSSL_PARAM_construct_utf8_string(
                        UnsafeRawPointer(parameter.utf8Start).assumingMemoryBound(to: CChar.self),
                        UnsafeMutableRawPointer(mutating: digest.utf8Start).assumingMemoryBound(to: CChar.self), 0),
                    OSSL_PARAM_construct_end(),
                ]
                return unsafe EVP_MAC_init(raw, secret.baseAddress, secret.count, parameters)
            }
        }
        guard status == 1 else { throw .drained(from: "EVP_MAC_init") }
    }

    deinit { unsafe EVP_MAC_CTX_free(raw) }

    package func authenticate(_ message: Span<UInt8>) throws(CryptoFault) -> Digest {
        let raw = unsafe raw
        var tag = Digest(byteCount: tagByteCount)
        var byteCount = 0
        guard unsafe EVP_MAC_init(raw, nil, 0, nil) == 1 else { throw .drained(from: "EVP_MAC_init") }
        let updated = unsafe message.withUnsafeBufferPointer { unsafe EVP_MAC_update(raw, $0.baseAddress, $0.count) }
        guard updated == 1 else { throw .drained(from: "EVP_MAC_update") }
        let finished = unsafe tag.withRoom { unsafe EVP_MAC_final(raw, $0.baseAddress, &byteCount, $0.count) }
        guard finished == 1, byteCount == tagByteCount else { throw .drained(from: "EVP_MAC_final") }
        return tag
    }

    /// Whether `tag` is the whole tag of `message`, compared in constant time (CRYPTO_memcmp).
    ///
    /// A library fault means no: nothing is accepted that could not be checked.
    package func accepts(_ tag: Span<UInt8>, over message: Span<UInt8>) -> Bool {
        guard tag.count == tagByteCount, let expected = try? authenticate(message) else { return false }
        let expectedOctets = expected.span
        return unsafe tag.withUnsafeBufferPointer { tag in
            unsafe expectedOctets.withUnsafeBufferPointer { expected in
                unsafe CRYPTO_memcmp(tag.baseAddress, expected.baseAddress, tag.count) == 0
            }
        }
    }
}
