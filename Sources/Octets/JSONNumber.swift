/// A JSON number as the value it stands for, so that `1`, `1.0` and `10e-1` are one: exact, without rounding.
package struct JSONNumber: Equatable, Sendable {
    private let isNegative: Bool
    /// Without zeros at either end; empty for zero.
    private let digits: [UInt8]
    /// The power of ten that the last digit counts in.
    private let exponent: Int

    /// - Parameter text: a number as ``JSONDocument`` has accepted it.
    /// - Returns: `nil` for exponents beyond a million, which nobody means.
    package init?(spelled text: Span<UInt8>) {
        var digits: [UInt8] = []
        var exponent = 0
        var isFraction = false
        var index = 0
        while index < text.count {
            switch text[index] {
            case UInt8(ascii: "-"): break
            case UInt8(ascii: "."): isFraction = true
            case UInt8(ascii: "e"), UInt8(ascii: "E"):
                guard let written = Self.exponent(text, from: index + 1) else { return nil }
                exponent += written
                index = text.count
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                digits.append(text[index])
                if isFraction { exponent -= 1 }
            default: return nil
            }
            index += 1
        }
        while digits.last == UInt8(ascii: "0") {
            digits.removeLast()
            exponent += 1
        }
        self.digits = Array(digits.drop { $0 == UInt8(ascii: "0") })
        // Zero is zero, whatever its sign and exponent.
        self.exponent = self.digits.isEmpty ? 0 : exponent
        isNegative = !self.digits.isEmpty && text[0] == UInt8(ascii: "-")
    }

    private static func exponent(_ text: Span<UInt8>, from start: Int) -> Int? {
        var value = 0
        var isNegative = false
        for index in start..<text.count {
            switch text[index] {
            case UInt8(ascii: "-"): isNegative = true
            case UInt8(ascii: "+"): break
            default:
                value = value * 10 + Int(text[index] &- UInt8(ascii: "0"))
                guard value <= 1_000_000 else { return nil }
            }
        }
        return isNegative ? -value : value
    }
}

extension JSONDocument {
    /// The exact value of a number; `nil` for what is none, or is beyond ``JSONNumber``.
    package func number(_ node: Node, in bytes: Span<UInt8>) -> JSONNumber? {
        guard kind(node) == .number else { return nil }
        return JSONNumber(spelled: bytes.extracting(range(node)))
    }
}
