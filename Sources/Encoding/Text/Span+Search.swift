extension Span where Element == UInt8 {
    /// Returns the index of the first `wanted` at or after `start`, or ``count``.
    package func firstIndex(of wanted: UInt8, from start: Int) -> Int {
        var index = start
        let pattern = SWAR.repeating(wanted)
        while index <= count - 8 {
            let difference = lanes(at: index) ^ pattern
            // The lowest set bit is reliable: a lane that is zero borrows from the lanes above it only.
            let zeros = (difference &- SWAR.ones) & ~difference & SWAR.tops
            if zeros != 0 { return index + zeros.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < count, self[index] != wanted { index += 1 }
        return index
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
