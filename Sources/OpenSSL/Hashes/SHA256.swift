import COpenSSL
package import Encoding

/// Computes SHA-256 in one call, for rare operations. On a hot path, use a ``SHA256Context``.
package enum SHA256 {
    package static let byteCount = 32

    package static func digest(_ message: Span<UInt8>) -> [UInt8] {
        let digest = SHA256Context().digest(message)
        return digest.indices.map { digest[$0] }
    }

    /// Returns the first 16 bytes of the digest of `kind` followed by `name`, in network order.
    package static func digest128(_ kind: Span<UInt8>, _ name: Span<UInt8>) -> UUID {
        SHA256Context().digest128(kind, name)
    }
}

/// Computes SHA-256 on one thread; allocated once and reused (EVP_DigestInit_ex2 without a fetch).
///
/// Hashing fails only if memory runs out, whatever the message is; that ends the process.
@safe package final class SHA256Context {
    package typealias Digest = InlineArray<32, UInt8>

    private let raw: OpaquePointer

    package init() {
        guard let raw = unsafe EVP_MD_CTX_new(), unsafe EVP_DigestInit_ex2(raw, FetchedAlgorithms.sha256, nil) == 1
        else {
            preconditionFailure("OpenSSL has no SHA-256: \(CryptoError.drainedReason())")
        }
        unsafe self.raw = raw
    }

    deinit { unsafe EVP_MD_CTX_free(raw) }

    package func digest(_ message: Span<UInt8>) -> Digest {
        let raw = unsafe raw
        unsafe Self.begin(raw)
        unsafe Self.update(raw, message)
        return unsafe Self.finish(raw)
    }

    /// Returns the same as ``SHA256/digest128(_:_:)``.
    package func digest128(_ kind: Span<UInt8>, _ name: Span<UInt8>) -> UUID {
        let raw = unsafe raw
        unsafe Self.begin(raw)
        unsafe Self.update(raw, kind)
        unsafe Self.update(raw, name)
        let digest = unsafe Self.finish(raw)
        var halves: (high: UInt64, low: UInt64) = (0, 0)
        for index in 0..<8 {
            halves.high = halves.high << 8 | UInt64(digest[index])
            halves.low = halves.low << 8 | UInt64(digest[index + 8])
        }
        return UUID(high: halves.high, low: halves.low)
    }

    fileprivate static func begin(_ raw: OpaquePointer) {
        // A nil algorithm reuses the previous one without a lookup.
        guard unsafe EVP_DigestInit_ex2(raw, nil, nil) == 1 else { fail("EVP_DigestInit_ex2") }
    }

    fileprivate static func update(_ raw: OpaquePointer, _ content: Span<UInt8>) {
        let status = unsafe content.withUnsafeBufferPointer { unsafe EVP_DigestUpdate(raw, $0.baseAddress, $0.count) }
        guard status == 1 else { fail("EVP_DigestUpdate") }
    }

    fileprivate static func finish(_ raw: OpaquePointer) -> Digest {
        var digest = Digest(repeating: 0)
        var span = digest.mutableSpan
        let status = unsafe span.withUnsafeMutableBufferPointer { unsafe EVP_DigestFinal_ex(raw, $0.baseAddress, nil) }
        guard status == 1 else { fail("EVP_DigestFinal_ex") }
        return digest
    }

    private static func fail(_ function: String) -> Never {
        preconditionFailure("\(CryptoError.drained(from: function))")
    }
}

/// Computes SHA-256 of content that comes in pieces, on one thread.
///
/// Hashing fails only if memory runs out, whatever the content is; that ends the process.
@safe package final class SHA256Pieces {
    private let raw: OpaquePointer

    package init() {
        guard let raw = unsafe EVP_MD_CTX_new(), unsafe EVP_DigestInit_ex2(raw, FetchedAlgorithms.sha256, nil) == 1
        else {
            preconditionFailure("OpenSSL has no SHA-256: \(CryptoError.drainedReason())")
        }
        unsafe self.raw = raw
    }

    deinit { unsafe EVP_MD_CTX_free(raw) }

    package func add(_ piece: Span<UInt8>) { unsafe SHA256Context.update(raw, piece) }

    /// Returns the digest of all pieces. Nothing can be added afterwards.
    package func finish() -> [UInt8] {
        let digest = unsafe SHA256Context.finish(raw)
        return digest.indices.map { digest[$0] }
    }
}
