import COpenSSL

/// OpenSSL's random generator, seeded from the kernel (RAND_bytes).
///
/// A process without randomness must not issue identifiers, so a failure ends the process.
package enum Random {
    /// Overwrites the whole array with random bytes.
    package static func fill(_ octets: inout [UInt8]) {
        unsafe octets.withUnsafeMutableBytes { buffer in
            unsafe fill(buffer)
        }
    }

    package static func bytes(_ count: Int) -> [UInt8] {
        var octets = [UInt8](repeating: 0, count: count)
        fill(&octets)
        return octets
    }

    package static func next64() -> UInt64 {
        var number: UInt64 = 0
        unsafe withUnsafeMutableBytes(of: &number) { buffer in
            unsafe fill(buffer)
        }
        return number
    }

    private static func fill(_ buffer: UnsafeMutableRawBufferPointer) {
        guard let base = buffer.baseAddress else { return }
        guard let count = Int32(exactly: buffer.count) else { preconditionFailure("2 GiB of randomness at once") }
        guard unsafe RAND_bytes(base.assumingMemoryBound(to: UInt8.self), count) == 1 else {
            preconditionFailure("OpenSSL has no random numbers: \(CryptoError.drainedReason())")
        }
    }
}
