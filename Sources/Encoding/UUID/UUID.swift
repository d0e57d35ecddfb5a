/// A UUID (RFC 9562): 128 bits as two halves in network order, so that comparing two UUIDv7 compares their creation
/// times.
package struct UUID: Hashable, Comparable, Sendable {
    package static let textByteCount = 36

    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Parses the canonical text: 36 bytes, lower-case hex, dashes at 8, 13, 18 and 23. Every other spelling is `nil`,
    /// so that one identifier has one text.
    package init?(_ text: Span<UInt8>) {
        guard text.count == Self.textByteCount else { return nil }
        let dash = UInt8(ascii: "-")
        guard text[8] == dash, text[13] == dash, text[18] == dash, text[23] == dash else { return nil }
        let letters = SIMD4(
            text.lanes(at: 0), UInt64(text.halfLanes(at: 9)) | UInt64(text.halfLanes(at: 14)) << 32,
            UInt64(text.halfLanes(at: 19)) | UInt64(text.halfLanes(at: 24)) << 32, text.lanes(at: 28))
        guard let values = Self.values(of: letters) else { return nil }
        high = values[0] << 32 | values[1]
        low = values[2] << 32 | values[3]
    }

    package init?(_ text: String) {
        self.init(text.utf8.span)
    }

    /// One number, because hashing two takes half as long again. The identifiers that requests look up are made by servers,
    /// so no client can choose many with one hash.
    package func hash(into hasher: inout Hasher) { hasher.combine(high ^ low) }

    package static func < (left: UUID, right: UUID) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }

    /// Appends the 36 bytes of the text form.
    package func write(to output: inout [UInt8]) {
        output.append(text.span)
    }

    /// The bytes of that form.
    package var text: InlineArray<36, UInt8> {
        var text = InlineArray<36, UInt8>(repeating: UInt8(ascii: "-"))
        var target = text.mutableSpan
        let second = Self.digits(of: UInt32(truncatingIfNeeded: high))
        let third = Self.digits(of: UInt32(truncatingIfNeeded: low >> 32))
        target.store(lanes: Self.digits(of: UInt32(high >> 32)), at: 0)
        target.store(halfLanes: UInt32(truncatingIfNeeded: second), at: 9)
        target.store(halfLanes: UInt32(second >> 32), at: 14)
        target.store(halfLanes: UInt32(truncatingIfNeeded: third), at: 19)
        target.store(halfLanes: UInt32(third >> 32), at: 24)
        target.store(lanes: Self.digits(of: UInt32(truncatingIfNeeded: low)), at: 28)
        return text
    }

    /// Returns the values of four times eight lower-case hex digits, the first digit of each in the lowest byte.
    @inline(__always)
    private static func values(of letters: SIMD4<UInt64>) -> SIMD4<UInt64>? {
        func repeating(_ octet: UInt8) -> SIMD4<UInt64> { SIMD4(repeating: SWAR.repeating(octet)) }
        let words = letters & repeating(0x7f)
        // Sets the top bit of each byte that is at least `bound`.
        func atLeast(_ bound: UInt8) -> SIMD4<UInt64> { words &+ repeating(0x80 &- bound) }
        let digits = atLeast(UInt8(ascii: "0")) & ~atLeast(UInt8(ascii: "9") + 1)
        let others = atLeast(UInt8(ascii: "a")) & ~atLeast(UInt8(ascii: "f") + 1)
        let wrong = ~(digits | others) | letters
        guard (wrong[0] | wrong[1] | wrong[2] | wrong[3]) & SWAR.tops == 0 else { return nil }
        // Among valid digits only a to f have the bit 0x40, and their low half is nine below their value.
        let letter = words &>> 6 & repeating(1)
        let nibbles = (words & repeating(0x0f)) &+ letter &+ letter &<< 3
        let pair = SIMD4<UInt64>(repeating: 0x000f_000f_000f_000f)
        let double = (nibbles & pair) &<< 4 | nibbles &>> 8 & pair
        let quadruples = SIMD4<UInt64>(repeating: 0x0000_00ff_0000_00ff)
        let quadruple = (double & quadruples) &<< 8 | double &>> 16 & quadruples
        return (quadruple & SIMD4(repeating: 0xffff)) &<< 16 | quadruple &>> 32
    }

    /// Returns eight lower-case hex digits, the first one in the lowest byte.
    @inline(__always)
    private static func digits(of value: UInt32) -> UInt64 {
        let quadruple = (UInt64(value) | UInt64(value) << 16) & 0x0000_ffff_0000_ffff
        let double = (quadruple | quadruple << 8) & 0x00ff_00ff_00ff_00ff
        let nibbles = (double | double << 4) & 0x0f0f_0f0f_0f0f_0f0f
        let letter = SWAR.atLeast(10, nibbles)
        let text =
            nibbles &+ SWAR.repeating(UInt8(ascii: "0"))
            &+ SWAR.amount(UInt8(ascii: "a") &- 10 &- UInt8(ascii: "0"), where: letter)
        return text.byteSwapped
    }
}

extension UUID: CustomStringConvertible {
    package var description: String {
        var text: [UInt8] = []
        write(to: &text)
        return String(decoding: text, as: UTF8.self)
    }
}
