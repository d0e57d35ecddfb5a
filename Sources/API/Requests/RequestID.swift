import Encoding

/// The name of one request: a random prefix for each loop and start, then a count, so that no two are alike and none costs
/// a system call. It is formatted only when it is written.
struct RequestID: CustomStringConvertible, Sendable {
    /// Twelve hexadecimal digits.
    private let prefix: InlineArray<12, UInt8>
    private var count: UInt32 = 0

    /// - Parameter random: its lower 48 bits are used.
    init(prefix random: UInt64) {
        prefix = InlineArray { Self.digit(random >> UInt64(44 - 4 * $0)) }
    }

    mutating func advance() {
        count &+= 1
    }

    var description: String {
        var text: [UInt8] = []
        write(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends 20 hexadecimal digits.
    func write(to output: inout [UInt8]) {
        output.append(prefix.span)
        let digits = InlineArray<8, UInt8> { Self.digit(UInt64(count) >> UInt64(28 - 4 * $0)) }
        output.append(digits.span)
    }

    private static func digit(_ value: UInt64) -> UInt8 {
        let nibble = UInt8(truncatingIfNeeded: value) & 15
        return nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
    }
}
