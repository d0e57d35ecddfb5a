/// Decodes strings and numbers whose spelling ``JSONScanner`` has checked.
enum JSONText {
    /// Random for each process, so that an attacker cannot prepare names with the same fingerprint.
    private static let seed = UInt64.random(in: .min ... .max)
    /// Spreads a name's length over all bits, so that names of different lengths share a fingerprint only by chance.
    private static let lengthKey = UInt64.random(in: .min ... .max) | 1

    /// Returns the hash of a name; reads eight bytes at a time, the last ones overlapping.
    @inline(__always)
    static func fingerprint(_ name: Span<UInt8>) -> UInt64 {
        let octets = unsafe name.bytes
        let count = octets.byteCount
        var mixed = seed ^ UInt64(truncatingIfNeeded: count) &* lengthKey
        guard count >= 8 else { return mix(mixed, short(octets)) }
        var offset = 0
        while offset + 8 < count {
            mixed = unsafe mix(mixed, octets.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        return unsafe mix(mixed, octets.unsafeLoadUnaligned(fromByteOffset: count - 8, as: UInt64.self))
    }

    /// Returns up to seven bytes as one number.
    @inline(__always)
    private static func short(_ octets: RawSpan) -> UInt64 {
        let count = octets.byteCount
        if count >= 4 {
            let low = unsafe octets.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt32.self)
            let high = unsafe octets.unsafeLoadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
            return UInt64(high) << 32 | UInt64(low)
        }
        var number: UInt64 = 0
        for index in 0..<count {
            number = unsafe number << 8 | UInt64(octets.unsafeLoad(fromByteOffset: index, as: UInt8.self))
        }
        return number
    }

    @inline(__always)
    private static func mix(_ state: UInt64, _ word: UInt64) -> UInt64 {
        let product = (state ^ word).multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
        return product.high ^ product.low
    }

    static func isEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        for index in left.indices where left[index] != right[index] { return false }
        return true
    }

    /// Returns the value of a string, given its bytes between the quotes.
    static func unescaped(_ text: Span<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            guard text[index] == UInt8(ascii: "\\"), index + 1 < text.count else {
                output.append(text[index])
                index += 1
                continue
            }
            let letter = text[index + 1]
            index += 2
            switch letter {
            case UInt8(ascii: "b"): output.append(8)
            case UInt8(ascii: "f"): output.append(12)
            case UInt8(ascii: "n"): output.append(10)
            case UInt8(ascii: "r"): output.append(13)
            case UInt8(ascii: "t"): output.append(9)
            case UInt8(ascii: "u"): appendScalar(text, &index, &output)
            default: output.append(letter)
            }
        }
        return output
    }

    /// Decodes the escape whose digits start at `index`, after `\u`; two escapes make one scalar if the first is a high
    /// surrogate.
    private static func appendScalar(_ text: Span<UInt8>, _ index: inout Int, _ output: inout [UInt8]) {
        var value = codeUnit(text, at: index)
        index += 4
        if 0xd800..<0xdc00 ~= value {
            value = 0x10000 + (value - 0xd800) << 10 + (codeUnit(text, at: index + 2) & 0x3ff)
            index += 6
        }
        guard let scalar = Unicode.Scalar(value) else { return }
        output.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }

    /// Returns the value of four hexadecimal digits; a missing digit counts as 0.
    static func codeUnit(_ text: Span<UInt8>, at index: Int) -> UInt32 {
        var value: UInt32 = 0
        for place in index..<(index + 4) {
            value = value << 4 | (place < text.count ? UInt32(hexValue(text[place]) ?? 0) : 0)
        }
        return value
    }

    static func hexValue(_ letter: UInt8) -> UInt8? {
        switch letter {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): letter - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): letter - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): letter - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// Returns the exact integer that a number's spelling denotes, or `nil`.
    static func integer(_ text: Span<UInt8>) -> Int64? {
        var digits: [UInt8] = []
        var exponent = 0
        var written = 0
        var isFraction = false
        var index = 0
        let isNegative = !text.isEmpty && text[0] == UInt8(ascii: "-")
        if isNegative { index = 1 }
        if text.count - index <= 18, let value = plainInteger(text, from: index) { return isNegative ? -value : value }
        scan: while index < text.count {
            switch text[index] {
            case UInt8(ascii: "."):
                isFraction = true
            case UInt8(ascii: "e"), UInt8(ascii: "E"):
                written = exponentValue(text, from: index + 1)
                break scan
            default:
                digits.append(text[index] &- UInt8(ascii: "0"))
                if isFraction { exponent -= 1 }
            }
            index += 1
        }
        exponent += written
        while digits.last == 0 {
            digits.removeLast()
            exponent += 1
        }
        return value(of: digits.drop { $0 == 0 }, exponent, isNegative)
    }

    private static func plainInteger(_ text: Span<UInt8>, from start: Int) -> Int64? {
        var value: Int64 = 0
        for index in start..<text.count {
            let digit = text[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            value = value &* 10 &+ Int64(digit)
        }
        return value
    }

    private static func exponentValue(_ text: Span<UInt8>, from start: Int) -> Int {
        var value = 0
        var isNegative = false
        for index in start..<text.count {
            switch text[index] {
            case UInt8(ascii: "-"): isNegative = true
            case UInt8(ascii: "+"): break
            default: value = min(value * 10 + Int(text[index] &- UInt8(ascii: "0")), 1_000_000)
            }
        }
        return isNegative ? -value : value
    }

    private static func value(of digits: ArraySlice<UInt8>, _ exponent: Int, _ isNegative: Bool) -> Int64? {
        guard !digits.isEmpty else { return 0 }
        guard exponent >= 0, digits.count + exponent <= 19 else { return nil }
        var value: Int64 = 0
        for digit in digits + Array(repeating: 0, count: exponent) {
            let (product, overflowed) = value.multipliedReportingOverflow(by: 10)
            let (sum, carried) = product.subtractingReportingOverflow(Int64(digit))
            guard !overflowed, !carried else { return nil }
            value = sum
        }
        if isNegative { return value }
        return value == .min ? nil : -value
    }
}
