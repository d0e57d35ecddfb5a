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
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var start = digits.count
        var rest = value.magnitude
        repeat {
            start -= 1
            digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        if value < 0 { append(UInt8(ascii: "-")) }
        append(digits.span.extracting(start..<digits.count))
    }
}
