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
        guard text[8] == UInt8(ascii: "-"), text[13] == UInt8(ascii: "-"), text[18] == UInt8(ascii: "-"),
            text[23] == UInt8(ascii: "-")
        else { return nil }
        let octets = unsafe text.bytes
        guard let first = HexDigits.value(of: HexDigits.eight(octets, 0)),
            let second = HexDigits.value(of: HexDigits.four(octets, 9) | HexDigits.four(octets, 14) << 32),
            let third = HexDigits.value(of: HexDigits.four(octets, 19) | HexDigits.four(octets, 24) << 32),
            let fourth = HexDigits.value(of: HexDigits.eight(octets, 28))
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
        for nibble in 0..<32 {
            if nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20 { output.append(UInt8(ascii: "-")) }
            let half = nibble < 16 ? high : low
            let digit = UInt8(truncatingIfNeeded: half >> UInt64(60 - 4 * (nibble & 15))) & 15
            output.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }
}

extension UUID: CustomStringConvertible {
    package var description: String {
        var text: [UInt8] = []
        write(to: &text)
        return String(decoding: text, as: UTF8.self)
    }
}
