/// The name of one request: a random prefix for each loop and start, then a count, so that no two are alike and none costs
/// a system call. Spelled only where it is told.
struct RequestID: CustomStringConvertible, Sendable {
    private static let digits = Array("0123456789abcdef".utf8)

    private let prefix: UInt64
    private var count: UInt32 = 0

    init(prefix: UInt64) {
        self.prefix = prefix
    }

    mutating func advance() {
        count &+= 1
    }

    var description: String { String(decoding: text, as: UTF8.self) }

    /// 20 hexadecimal digits.
    var text: [UInt8] {
        let front = stride(from: 44, through: 0, by: -4).map { Self.digits[Int(truncatingIfNeeded: prefix >> UInt64($0)) & 15] }
        let back = stride(from: 28, through: 0, by: -4).map { Self.digits[Int(truncatingIfNeeded: count >> UInt32($0)) & 15] }
        return front + back
    }
}
