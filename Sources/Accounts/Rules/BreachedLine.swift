import OpenSSL

/// One line of a list of breached passwords: the SHA-1 of a password in hexadecimal, and optionally a colon and how
/// often the password was found.
struct BreachedLine {
    static let expected = "40 hexadecimal digits, optionally with a colon and a number, as in Pwned Passwords"
    private static let digitCount = 2 * SHA1.byteCount
    private static let countDigitMax = 20
    /// The length of the longest line, without its line end.
    static let byteCountMax = digitCount + 1 + countDigitMax

    /// What is wrong with a line; the text completes "expected".
    struct Fault: Error {
        let expected: String
    }

    let hash: InlineArray<20, UInt8>

    /// - Parameter text: the line without its line feed.
    init(_ text: ArraySlice<UInt8>) throws(Fault) {
        guard text.last != UInt8(ascii: "\r") else {
            throw Fault(
                expected: "a line that ends with a line feed only, without a carriage return. Remove them: "
                    + "sed -i 's/\\r$//' FILE")
        }
        guard text.count >= Self.digitCount, text.count <= Self.byteCountMax else {
            throw Fault(expected: Self.expected)
        }
        var hash = InlineArray<20, UInt8>(repeating: 0)
        for index in 0..<SHA1.byteCount {
            let position = text.startIndex + 2 * index
            guard let high = Self.digit(text[position]), let low = Self.digit(text[position + 1]) else {
                throw Fault(expected: Self.expected)
            }
            hash[index] = high << 4 | low
        }
        let rest = text.dropFirst(Self.digitCount)
        let isCount =
            rest.first == UInt8(ascii: ":") && rest.count > 1 && rest.dropFirst().allSatisfy { 0x30...0x39 ~= $0 }
        guard rest.isEmpty || isCount else { throw Fault(expected: Self.expected) }
        self.hash = hash
    }

    /// Returns whether this line must be before the other one.
    func isBefore(_ other: BreachedLine) -> Bool {
        for index in 0..<SHA1.byteCount where hash[index] != other.hash[index] {
            return hash[index] < other.hash[index]
        }
        return false
    }

    /// Compares with a digest: negative if this line is before it, 0 if it is the same.
    func order(_ digest: [UInt8]) -> Int {
        for index in digest.indices where hash[index] != digest[index] { return Int(hash[index]) - Int(digest[index]) }
        return 0
    }

    private static func digit(_ letter: UInt8) -> UInt8? {
        switch letter {
        case 0x30...0x39: letter - 0x30
        case 0x41...0x46: letter - 0x37
        case 0x61...0x66: letter - 0x57
        default: nil
        }
    }
}
