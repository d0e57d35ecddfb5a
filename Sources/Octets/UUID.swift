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
        var halves: (UInt64, UInt64) = (0, 0)
        var digitCount = 0
        for index in text.indices {
            let letter = text[index]
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard letter == UInt8(ascii: "-") else { return nil }
                continue
            }
            let digit: UInt8
            switch letter {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = letter &- UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = letter &- UInt8(ascii: "a") &+ 10
            default: return nil
            }
            if digitCount < 16 {
                halves.0 = halves.0 << 4 | UInt64(digit)
            } else {
                halves.1 = halves.1 << 4 | UInt64(digit)
            }
            digitCount += 1
        }
        high = halves.0
        low = halves.1
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
