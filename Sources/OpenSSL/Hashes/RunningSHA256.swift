internal import COpenSSL

/// Computes SHA-256 of content that arrives in parts.
@safe package final class RunningSHA256 {
    private let raw: OpaquePointer

    package init() {
        guard let raw = unsafe EVP_MD_CTX_new(), unsafe EVP_DigestInit_ex2(raw, FetchedAlgorithms.sha256, nil) == 1
        else {
            preconditionFailure("OpenSSL has no SHA-256: \(CryptoError.drainedReason())")
        }
        unsafe self.raw = raw
    }

    deinit { unsafe EVP_MD_CTX_free(raw) }

    package func append(_ part: Span<UInt8>) {
        let status = unsafe part.withUnsafeBufferPointer { unsafe EVP_DigestUpdate(raw, $0.baseAddress, $0.count) }
        guard status == 1 else { preconditionFailure("\(CryptoError.drained(from: "EVP_DigestUpdate"))") }
    }

    /// Returns the digest of all parts. Nothing can be appended after this.
    package func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: SHA256.byteCount)
        let status = unsafe digest.withUnsafeMutableBufferPointer {
            unsafe EVP_DigestFinal_ex(raw, $0.baseAddress, nil)
        }
        guard status == 1 else { preconditionFailure("\(CryptoError.drained(from: "EVP_DigestFinal_ex"))") }
        return digest
    }
}
