extension Span where Element == UInt8 {
    /// Returns the index of the first `wanted` at or after `start`, or ``count``.
    package func firstIndex(of wanted: UInt8, from start: Int) -> Int {
        var index = start
        let pattern = SWAR.repeating(wanted)
        while index <= count - 32 {
            // Which byte it is does not matter here.
            let block = blocks(at: index) ^ SIMD4(repeating: pattern)
            guard !Self.isSet((block &- SIMD4(repeating: SWAR.ones)) & ~block) else { break }
            index += 32
        }
        while index <= count - 8 {
            let zeros = SWAR.zeros(lanes(at: index) ^ pattern)
            if zeros != 0 { return index + zeros.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < count, self[index] != wanted { index += 1 }
        return index
    }

    /// Whether each byte is a `cookie-octet` (RFC 6265bis §4.1.1): printable ASCII without space, quote, comma, semicolon
    /// and backslash.
    package var isCookieValue: Bool {
        var index = 0
        // The top bit of each byte that is not one. A byte that is one sets it only if one below it does.
        var others = SIMD4<UInt64>()
        while index <= count - 32 {
            let block = blocks(at: index)
            others |= block | (block &- SIMD4(repeating: SWAR.repeating(0x21))) | (block &+ SIMD4(repeating: SWAR.ones))
            others |= Self.equal(block, 0x22) | Self.equal(block, 0x2c)
            others |= Self.equal(block, 0x3b) | Self.equal(block, 0x5c)
            index += 32
        }
        guard !Self.isSet(others) else { return false }
        while index <= count - 8 {
            let word = lanes(at: index)
            guard word & SWAR.tops == 0, SWAR.atLeast(0x21, word) == SWAR.tops, SWAR.atLeast(0x7f, word) == 0 else {
                return false
            }
            let others =
                SWAR.zeros(word ^ SWAR.repeating(0x22)) | SWAR.zeros(word ^ SWAR.repeating(0x2c))
                | SWAR.zeros(word ^ SWAR.repeating(0x3b)) | SWAR.zeros(word ^ SWAR.repeating(0x5c))
            guard others == 0 else { return false }
            index += 8
        }
        while index < count {
            switch self[index] {
            case 0x21, 0x23...0x2b, 0x2d...0x3a, 0x3c...0x5b, 0x5d...0x7e: index += 1
            default: return false
            }
        }
        return true
    }

    /// Whether each byte is printable ASCII, 0x20 to 0x7e.
    package var isPrintable: Bool {
        var index = 0
        var others = SIMD4<UInt64>()
        while index <= count - 32 {
            let block = blocks(at: index)
            others |= block | (block &- SIMD4(repeating: SWAR.repeating(0x20))) | (block &+ SIMD4(repeating: SWAR.ones))
            index += 32
        }
        guard !Self.isSet(others) else { return false }
        while index <= count - 8 {
            let word = lanes(at: index)
            guard word & SWAR.tops == 0, SWAR.atLeast(0x20, word) == SWAR.tops, SWAR.atLeast(0x7f, word) == 0 else {
                return false
            }
            index += 8
        }
        while index < count {
            guard self[index] >= 0x20, self[index] < 0x7f else { return false }
            index += 1
        }
        return true
    }

    /// The top bit of each byte that is `byte`, if all are below 0x80. A byte that is one may set that of the next.
    @inline(__always)
    private static func equal(_ block: SIMD4<UInt64>, _ byte: UInt8) -> SIMD4<UInt64> {
        (block ^ SIMD4(repeating: SWAR.repeating(byte))) &- SIMD4(repeating: SWAR.ones)
    }

    /// Whether the top bit of any byte is set.
    @inline(__always)
    private static func isSet(_ block: SIMD4<UInt64>) -> Bool {
        (block[0] | block[1] | block[2] | block[3]) & SWAR.tops != 0
    }

    /// Returns the 32 bytes from `offset` on, bounds checked.
    @inline(__always)
    private func blocks(at offset: Int) -> SIMD4<UInt64> {
        // Every bit pattern is valid. The order of the bytes does not matter for finding out whether there is one.
        unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: SIMD4<UInt64>.self)
    }
}
