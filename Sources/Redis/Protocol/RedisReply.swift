/// A reply in the form of RESP2.
enum RedisReply: Equatable, Sendable {
    case string([UInt8])
    case status([UInt8])
    /// A code such as `READONLY`, and text for operators.
    case error([UInt8])
    case integer(Int64)
    case null
    case array([RedisReply])

    var bytes: [UInt8]? {
        switch self {
        case .string(let bytes), .status(let bytes): bytes
        default: nil
        }
    }

    /// Text that is valid UTF-8.
    var text: String? { bytes.flatMap { String(validating: $0, as: UTF8.self) } }

    var elements: [RedisReply]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    /// An integer, or a string of decimal digits.
    var number: Int64? {
        switch self {
        case .integer(let value): value
        case .string(let bytes): Self.decimal(bytes[...])
        default: nil
        }
    }

    /// A number that is not negative.
    var unsigned: UInt64? { number.flatMap { UInt64(exactly: $0) } }

    /// Returns the number of up to 18 decimal digits.
    static func decimal(_ digits: ArraySlice<UInt8>) -> Int64? {
        guard (1...18).contains(digits.count) else { return nil }
        var value: Int64 = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            value = value &* 10 &+ Int64(digit &- 0x30)
        }
        return value
    }
}
