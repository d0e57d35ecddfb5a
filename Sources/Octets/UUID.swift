/// A UUID (RFC 9562): 128 bits as two halves in the order of the wire, so that comparing two UUIDv7 compares their age.
package struct UUID: Hashable, Comparable, Sendable {
    package static let textByteCount = 36

    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads the one form we write: 36 octets, lower-case hex, dashes at 8, 13, 18 and 23. Every other spelling is `nil`, so
    /// that one identifier has one text.
    package init?(_ text: Span<UInt8>) {
        guard text.count == Self.textByteCount else { return nil }
        let dash = UInt8(ascii: "-")
        guard text[8] == dash, text[13] == dash, text[18] == dash, text[23] == dash else { return nil }
        guard let first = Self.value(of: text.lanes(at: 0)),
            let second = Self.value(of: UInt64(text.halfLanes(at: 9)) | UInt64(text.halfLanes(at: 14)) << 32),
            let third = Self.value(of: UInt64(text.halfLanes(at: 19)) | UInt64(text.halfLanes(at: 24)) << 32),
            let fourth = Self.value(of: text.lanes(at: 28))
        else { return nil }
        high = UInt64(first) << 32 | UInt64(second)
        low = UInt64(third) << 32 | UInt64(fourth)
    }

    package init?(_ text: String) {
        let octets = Array(text.utf8)
        self.init(octets.span)
    }

    package static func < (left: UUID, right: UUID) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }

    /// Appends the 36 octets of the text form.
    package func write(to output: inout [UInt8]) {
        let start = output.count
        output.resize(to: start + Self.textByteCount)
        var target = output.mutableSpan
        let second = Self.digits(of: UInt32(truncatingIfNeeded: high))
        let third = Self.digits(of: UInt32(truncatingIfNeeded: low >> 32))
        target.store(lanes: Self.digits(of: UInt32(high >> 32)), at: start)
        target.store(halfLanes: UInt32(truncatingIfNeeded: second), at: start + 9)
        target.store(halfLanes: UInt32(second >> 32), at: start + 14)
        target.store(halfLanes: UInt32(truncatingIfNeeded: third), at: start + 19)
        target.store(halfLanes: UInt32(third >> 32), at: start + 24)
        target.store(lanes: Self.digits(of: UInt32(truncatingIfNeeded: low)), at: start + 28)
        let dash = UInt8(ascii: "-")
        (target[start + 8], target[start + 13], target[start + 18], target[start + 23]) = (dash, dash, dash, dash)
    }

    /// The value of eight lower-case hex digits.
    @inline(__always)
    private static func value(of letters: UInt64) -> UInt32? {
        let word = letters & ~Lanes.tops
        let digit = Lanes.between(UInt8(ascii: "0"), UInt8(ascii: "9"), word)
        let letter = Lanes.between(UInt8(ascii: "a"), UInt8(ascii: "f"), word)
        guard letters & Lanes.tops == 0, digit | letter == Lanes.tops else { return nil }
        let nibbles =
            word &- Lanes.amount(UInt8(ascii: "0"), where: digit)
            &- Lanes.amount(UInt8(ascii: "a") &- 10, where: letter)
        let single = nibbles.byteSwapped
        let double = (single & 0x000f_000f_000f_000f) | ((single & 0x0f00_0f00_0f00_0f00) >> 4)
        let quadruple = (double & 0x0000_00ff_0000_00ff) | ((double & 0x00ff_0000_00ff_0000) >> 8)
        return UInt32(truncatingIfNeeded: quadruple | quadruple >> 16)
    }

    /// Eight lower-case hex digits, the first one in the lowest octet.
    @inline(__always)
    private static func digits(of value: UInt32) -> UInt64 {
        let quadruple = (UInt64(value) | UInt64(value) << 16) & 0x0000_ffff_0000_ffff
        let double = (quadruple | quadruple << 8) & 0x00ff_00ff_00ff_00ff
        let nibbles = (double | double << 4) & 0x0f0f_0f0f_0f0f_0f0f
        let letter = Lanes.atLeast(10, nibbles)
        let text =
            nibbles &+ Lanes.repeating(UInt8(ascii: "0"))
            &+ Lanes.amount(UInt8(ascii: "a") &- 10 &- UInt8(ascii: "0"), where: letter)
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
