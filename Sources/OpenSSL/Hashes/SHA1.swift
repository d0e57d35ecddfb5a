import COpenSSL

/// Computes SHA-1, only to look up passwords in lists that are sorted by it. Nothing relies on its strength.
package enum SHA1 {
    package static let byteCount = 20

    /// Wraps `EVP_Digest`.
    /// - Throws: `.library` if a policy of the machine forbids SHA-1.
    package static func digest(_ message: Span<UInt8>) throws(CryptoError) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: byteCount)
        let status = unsafe digest.withUnsafeMutableBufferPointer { digest in
            unsafe message.withUnsafeBufferPointer { message in
                unsafe EVP_Digest(message.baseAddress, message.count, digest.baseAddress, nil, EVP_sha1(), nil)
            }
        }
        guard status == 1 else { throw CryptoError.drained(from: "EVP_Digest") }
        return digest
    }
}
