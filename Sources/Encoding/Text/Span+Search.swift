extension Span where Element == UInt8 {
    /// Returns the index of the first `wanted` at or after `start`, or ``count``.
    package func firstIndex(of wanted: UInt8, from start: Int) -> Int {
        var index = start
        let pattern = SWAR.repeating(wanted)
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
}
