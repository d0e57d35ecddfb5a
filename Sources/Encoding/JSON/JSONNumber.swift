/// The exact value of a JSON number, without rounding: `1`, `1.0` and `10e-1` are equal.
package struct JSONNumber: Equatable, Sendable {
    private let isNegative: Bool
    /// The decimal digits without zeros at either end; empty for zero.
    private let digits: [UInt8]
    /// The power of ten of the last digit.
    private let exponent: Int

    private init(isNegative: Bool, digits: [UInt8], exponent: Int) {
        self.isNegative = isNegative
        self.digits = digits
        self.exponent = exponent
    }

    /// - Parameter text: a number that ``JSONDocument`` has accepted.
    /// - Returns: `nil` for an exponent beyond one million.
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
        // Zero has one form, whatever its sign and exponent.
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
    /// Returns the exact value of a number; `nil` if `node` is not a number or is outside the range of ``JSONNumber``.
    package func number(_ node: Node, in bytes: Span<UInt8>) -> JSONNumber? {
        guard kind(node) == .number else { return nil }
        return JSONNumber(spelled: bytes.extracting(range(node)))
    }
}

extension JSONNumber {
    /// Values beyond this are clamped to it: it is later than any date, and no sum of two overflows.
    package static let integerMax: Int64 = 1_000_000_000_000_000

    /// Returns this number times ten to the power of `count`, for example seconds as milliseconds.
    package func shifted(by count: Int) -> JSONNumber {
        JSONNumber(isNegative: isNegative, digits: digits, exponent: digits.isEmpty ? 0 : exponent + count)
    }

    /// The greatest integer that is not above the value, within ±``integerMax``.
    package var roundedDown: Int64 {
        let (whole, hasFraction) = truncated
        return isNegative && hasFraction ? max(whole - 1, -Self.integerMax) : whole
    }

    /// The least integer that is not below the value, within ±``integerMax``.
    package var roundedUp: Int64 {
        let (whole, hasFraction) = truncated
        return !isNegative && hasFraction ? min(whole + 1, Self.integerMax) : whole
    }

    /// The value rounded toward zero, and whether it had a fraction.
    private var truncated: (whole: Int64, hasFraction: Bool) {
        let wholeDigitCount = digits.count + exponent
        // Sixteen digits are at least integerMax, because the first of them is not zero.
        guard wholeDigitCount < 16 else { return (isNegative ? -Self.integerMax : Self.integerMax, false) }
        guard wholeDigitCount > 0 else { return (0, !digits.isEmpty) }
        var whole: Int64 = 0
        for index in 0..<wholeDigitCount {
            whole = whole * 10 + (index < digits.count ? Int64(digits[index] - UInt8(ascii: "0")) : 0)
        }
        return (isNegative ? -whole : whole, digits.count > wholeDigitCount)
    }
}
