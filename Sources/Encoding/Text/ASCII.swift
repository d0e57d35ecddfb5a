extension UInt8 {
    /// The lower-case letter of an ASCII letter; any other byte unchanged.
    package var lowercased: UInt8 { (0x41...0x5a).contains(self) ? self | 0x20 : self }
}

extension [UInt8] {
    package mutating func append(_ text: StaticString) {
        unsafe append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends a number in decimal digits.
    package mutating func append(decimal value: Int64) {
        append(addingCapacity: 20) { $0.append(decimal: value) }
    }
}

extension OutputSpan where Element == UInt8 {
    /// Appends a number in decimal digits, at most 20 bytes.
    @_lifetime(self: copy self)
    package mutating func append(decimal value: Int64) {
        if value < 0 { append(UInt8(ascii: "-")) }
        append(decimal: value.magnitude)
    }

    /// Appends a number in decimal digits, at most 20 bytes.
    @_lifetime(self: copy self)
    package mutating func append(decimal value: UInt64) {
        let (high, low) = value.quotientAndRemainder(dividingBy: 100_000_000)
        var digits = DecimalDigits.eight(UInt32(truncatingIfNeeded: low))
        var count = 8
        if high > 0 {
            append(decimal: high)
        } else {
            // Without the zeros in front, but with the last digit.
            let zeroCount = min(7, digits.trailingZeroBitCount >> 3)
            digits >>= UInt64(8 &* zeroCount)
            count &-= zeroCount
        }
        digits |= SWAR.repeating(UInt8(ascii: "0"))
        for _ in 0..<count {
            append(UInt8(truncatingIfNeeded: digits))
            digits >>= 8
        }
    }
}

private enum DecimalDigits {
    /// Returns the values of the eight digits of a number below 100,000,000, the first digit in the lowest byte.
    ///
    /// It divides the two halves at once, then the four quarters, then all pairs of digits. The products with the rounded
    /// reciprocals are exact for such small numbers.
    @inline(__always)
    static func eight(_ value: UInt32) -> UInt64 {
        let halves = UInt64(value / 10_000) | UInt64(value % 10_000) << 32
        let hundreds = (halves &* 10_486) >> 20 & 0x7f_0000_007f
        let pairs = hundreds | (halves &- 100 &* hundreds) << 16
        let tens = (pairs &* 103) >> 10 & 0x0f_000f_000f_000f
        return tens | (pairs &- 10 &* tens) << 8
    }
}
