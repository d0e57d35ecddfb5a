/// Parses the numbers in a stored hash.
enum Decimal {
    /// Returns the decimal number after `prefix`: up to ten digits, no sign, no leading zero; `nil` for anything else.
    static func value(of field: ArraySlice<UInt8>, after prefix: String) -> Int? {
        guard field.starts(with: prefix.utf8) else { return nil }
        return value(of: field.dropFirst(prefix.utf8.count))
    }

    static func value(of digits: ArraySlice<UInt8>) -> Int? {
        guard (1...10).contains(digits.count) else { return nil }
        guard digits.first != UInt8(ascii: "0") || digits.count == 1 else { return nil }
        var value = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            value = value * 10 + Int(digit - UInt8(ascii: "0"))
        }
        return value
    }
}
