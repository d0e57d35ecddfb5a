import COpenSSL

/// Computes PBKDF2 (RFC 8018 §5.2) with HMAC. Slow by design.
package enum PBKDF2 {
    /// Wraps `PKCS5_PBKDF2_HMAC`.
    /// - Throws: `.library` for numbers beyond 32 bits, and if memory runs out.
    package static func derive(
        password: [UInt8], salt: [UInt8], iterationCount: Int, hash: HashFunction, byteCount: Int
    ) throws(CryptoError) -> [UInt8] {
        var key = [UInt8](repeating: 0, count: max(byteCount, 0))
        let status = unsafe key.withUnsafeMutableBufferPointer { key in
            unsafe password.withUnsafeBytes { password in
                unsafe salt.withUnsafeBufferPointer { salt in
                    unsafe PKCS5_PBKDF2_HMAC(
                        password.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(clamping: password.count),
                        salt.baseAddress, Int32(clamping: salt.count), Int32(clamping: iterationCount),
                        FetchedAlgorithms.digest(hash), Int32(clamping: key.count), key.baseAddress)
                }
            }
        }
        guard status == 1 else { throw CryptoError.drained(from: "PKCS5_PBKDF2_HMAC") }
        return key
    }
}

/// Computes scrypt (RFC 7914). Slow by design, and needs 128 × r × N bytes.
package enum Scrypt {
    /// Wraps `EVP_PBE_scrypt`.
    /// - Parameters:
    ///   - costLog2: the logarithm of N to base 2, 1 to 31.
    ///   - memoryMax: bytes; more memory is an error.
    /// - Throws: `.library` for numbers that are not possible, and if memory runs out.
    package static func derive(
        password: [UInt8], salt: [UInt8], costLog2: Int, blockSize: Int, parallelism: Int, memoryMax: Int,
        byteCount: Int
    ) throws(CryptoError) -> [UInt8] {
        let cost: UInt64 = (1...31).contains(costLog2) ? 1 << UInt64(costLog2) : 0
        var key = [UInt8](repeating: 0, count: max(byteCount, 0))
        let status = unsafe key.withUnsafeMutableBufferPointer { key in
            unsafe password.withUnsafeBytes { password in
                unsafe salt.withUnsafeBufferPointer { salt in
                    unsafe EVP_PBE_scrypt(
                        password.baseAddress?.assumingMemoryBound(to: CChar.self), password.count, salt.baseAddress,
                        salt.count, cost, UInt64(clamping: blockSize), UInt64(clamping: parallelism),
                        UInt64(clamping: memoryMax), key.baseAddress, key.count)
                }
            }
        }
        guard status == 1 else { throw CryptoError.drained(from: "EVP_PBE_scrypt") }
        return key
    }
}
