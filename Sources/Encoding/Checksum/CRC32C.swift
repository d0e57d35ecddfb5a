internal import CChecksum

/// Computes CRC-32C (Castagnoli, reflected polynomial 0x82f63b78) with the processor's instruction if it has one,
/// otherwise with a table.
package enum CRC32C {
    /// Whether the processor has a CRC-32C instruction.
    package static let isBuiltIn = cchecksum_is_available() != 0

    /// Entry `256 * k + b` is the checksum of byte `b` followed by `k` zero bytes.
    private static let table: [UInt32] = {
        var table = [UInt32](repeating: 0, count: 8 * 256)
        for octet in 0..<256 {
            var remainder = UInt32(octet)
            for _ in 0..<8 { remainder = remainder & 1 == 1 ? remainder >> 1 ^ 0x82f6_3b78 : remainder >> 1 }
            table[octet] = remainder
        }
        for index in 256..<(8 * 256) {
            let previous = table[index - 256]
            table[index] = previous >> 8 ^ table[Int(previous & 255)]
        }
        return table
    }()

    /// - Parameter seed: the checksum of the preceding bytes, or any number that separates two uses.
    package static func checksum(_ bytes: Span<UInt8>, seed: UInt32 = 0) -> UInt32 {
        guard isBuiltIn else { return byTable(bytes, seed: seed) }
        return unsafe bytes.withUnsafeBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return seed }
            return ~(unsafe cchecksum_update(~seed, start, buffer.count))
        }
    }

    /// Returns the only seed under which `bytes` have this checksum.
    package static func seed(of checksum: UInt32, over bytes: Span<UInt8>) -> UInt32 {
        // The highest bytes of the 256 entries all differ, so each step can be reversed.
        var indices = [UInt32](repeating: 0, count: 256)
        for index in 0..<256 { indices[Int(table[index] >> 24)] = UInt32(index) }
        var remainder = ~checksum
        for offset in bytes.indices.reversed() {
            let index = indices[Int(remainder >> 24)]
            remainder = (remainder ^ table[Int(index)]) << 8 | index ^ UInt32(bytes[offset])
        }
        return ~remainder
    }

    /// Computes the same checksum without the processor's instruction, eight bytes per step.
    package static func byTable(_ bytes: Span<UInt8>, seed: UInt32 = 0) -> UInt32 {
        unsafe table.withUnsafeBufferPointer { table in
            unsafe checksum(bytes.bytes, ~seed, table)
        }
    }

    /// Computes the checksum with the table.
    ///
    /// `table` has all its 2,048 entries, so a byte plus a multiple of 256 below them is always a valid index.
    private static func checksum(_ bytes: RawSpan, _ start: UInt32, _ table: UnsafeBufferPointer<UInt32>) -> UInt32 {
        var remainder = start
        var offset = 0
        while offset + 8 <= bytes.byteCount {
            let word = unsafe UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
            let mixed = word ^ UInt64(remainder)
            remainder = unsafe table[1_792 + Int(mixed & 255)] ^ table[1_536 + Int(mixed >> 8 & 255)]
            unsafe remainder ^= table[1_280 + Int(mixed >> 16 & 255)] ^ table[1_024 + Int(mixed >> 24 & 255)]
            unsafe remainder ^= table[768 + Int(mixed >> 32 & 255)] ^ table[512 + Int(mixed >> 40 & 255)]
            unsafe remainder ^= table[256 + Int(mixed >> 48 & 255)] ^ table[Int(mixed >> 56)]
            offset += 8
        }
        while offset < bytes.byteCount {
            let octet = unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
            remainder = unsafe table[Int(UInt8(truncatingIfNeeded: remainder) ^ octet)] ^ remainder >> 8
            offset += 1
        }
        return ~remainder
    }
}
