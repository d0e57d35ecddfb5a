/// The name of one request: a random prefix for each loop and start, then a count, so that no two are alike and none costs
/// a system call. Spelled only where it is told.
struct RequestID: CustomStringConvertible, Sendable {
    private let prefix: UInt64
    private var count: UInt32 = 0

    init(prefix: UInt64) {
        self.prefix = prefix
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
        for shift in stride(from: UInt64(44), through: 0, by: -4) { Self.append(prefix >> shift, to: &output) }
        for shift in stride(from: UInt32(28), through: 0, by: -4) { Self.append(UInt64(count >> shift), to: &output) }
    }

    private static func append(_ value: UInt64, to output: inout [UInt8]) {
        let nibble = UInt8(truncatingIfNeeded: value) & 15
        output.append(nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10)
    }
}
