/// Eight lower-case hexadecimal digits at a time, as octets of one number: the first digit in the lowest octet.
enum HexDigits {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highBits: UInt64 = 0x8080_8080_8080_8080

    @inline(__always)
    static func eight(_ octets: RawSpan, _ offset: Int) -> UInt64 {
        unsafe UInt64(littleEndian: octets.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    @inline(__always)
    static func four(_ octets: RawSpan, _ offset: Int) -> UInt64 {
        unsafe UInt64(UInt32(littleEndian: octets.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    }

    /// - Returns: `nil` unless every octet is `0`...`9` or `a`...`f`.
    @inline(__always)
    static func value(of digits: UInt64) -> UInt32? {
        guard digits & highBits == 0 else { return nil }
        // With all octets below 0x80, adding 0x80 - c sets an octet's high bit just where it is c or more.
        let notBelowZero = digits &+ ones &* (0x80 - 0x30)
        let aboveNine = digits &+ ones &* (0x80 - 0x3a)
        let notBelowA = digits &+ ones &* (0x80 - 0x61)
        let aboveF = digits &+ ones &* (0x80 - 0x67)
        let isDigit = notBelowZero & ~aboveNine
        let isLetter = notBelowA & ~aboveF
        guard (isDigit | isLetter) & highBits == highBits else { return nil }
        // The low nibble, and nine more for letters; then pairs, fours and eights are moved together.
        let nibbles = digits & (ones &* 0x0f) &+ (isLetter & highBits) >> 7 &* 9
        let pairs = (nibbles << 4 | nibbles >> 8) & 0x00ff_00ff_00ff_00ff
        let fours = (pairs << 8 | pairs >> 16) & 0x0000_ffff_0000_ffff
        return UInt32(truncatingIfNeeded: fours << 16 | fours >> 32)
    }
}
