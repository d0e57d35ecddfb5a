import COpenSSL
import Octets

/// A secret for HMAC-SHA-256 (HS256), shared by all threads.
package final class MACKey: Sendable {
    private let secret: Secret

    /// - Throws: `.secretTooShort` below 32 octets (RFC 7518 §3.2).
    package init(_ octets: consuming [UInt8]) throws(CryptoFault) {
        guard octets.count >= MACContext.tagByteCount else { throw .secretTooShort(byteCount: octets.count) }
        secret = Secret(octets)
    }

    /// A copy of the secret, for writing the key's own file.
    package func octets() -> [UInt8] {
        secret.withBytes { octets in octets.indices.map { octets[$0] } }
    }

    func withOctets<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        secret.withBytes(body)
    }
}

/// One thread's HMAC-SHA-256 under one key, keyed once and re-armed for every message (EVP_MAC_init without a key).
@safe package final class MACContext {
    package static let tagByteCount = 32
    package typealias Tag = InlineArray<32, UInt8>

    private let raw: OpaquePointer

    package init(_ key: MACKey) throws(CryptoFault) {
        guard let raw = unsafe EVP_MAC_CTX_new(FetchedAlgorithms.hmac) else { throw .drained(from: "EVP_MAC_CTX_new") }
        unsafe self.raw = raw
        let parameter: StaticString = "digest"
        let digest: StaticString = "SHA256"
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

    package func authenticate(_ message: Span<UInt8>) throws(CryptoFault) -> Tag {
        let raw = unsafe raw
        var tag = Tag(repeating: 0)
        var byteCount = 0
        guard unsafe EVP_MAC_init(raw, nil, 0, nil) == 1 else { throw .drained(from: "EVP_MAC_init") }
        let updated = unsafe message.withUnsafeBufferPointer { unsafe EVP_MAC_update(raw, $0.baseAddress, $0.count) }
        guard updated == 1 else { throw .drained(from: "EVP_MAC_update") }
        var output = tag.mutableSpan
        let finished = unsafe output.withUnsafeMutableBufferPointer {
            unsafe EVP_MAC_final(raw, $0.baseAddress, &byteCount, $0.count)
        }
        guard finished == 1, byteCount == Self.tagByteCount else { throw .drained(from: "EVP_MAC_final") }
        return tag
    }

    /// Whether `tag` is the whole tag of `message`, compared in constant time (CRYPTO_memcmp).
    ///
    /// A library fault means no: nothing is accepted that could not be checked.
    package func accepts(_ tag: Span<UInt8>, over message: Span<UInt8>) -> Bool {
        guard tag.count == Self.tagByteCount, let expected = try? authenticate(message) else { return false }
        let expectedOctets = expected.span
        return unsafe tag.withUnsafeBufferPointer { tag in
            unsafe expectedOctets.withUnsafeBufferPointer { expected in
                unsafe CRYPTO_memcmp(tag.baseAddress, expected.baseAddress, Self.tagByteCount) == 0
            }
        }
    }
}
