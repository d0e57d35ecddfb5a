import HTTP

/// The Cookie field: a value is part of the field, has only bytes that a cookie may have, and belongs to a name that
/// occurs once. Line feeds separate fields.
enum CookieFuzzer {
    private static let names = ["a", "ab", "__Host-Http-martlet-access"].map { Array($0.utf8) }

    static func make() -> ([UInt8]) -> Void {
        { bytes in
            let request = request(bytes)
            let values = CookieField.values(of: names, in: request)
            demand(values.count == names.count, "one value for each name")
            let (texts, expected) = (values.map { text($0, request) }, names.map { plainly(read: $0, in: bytes) })
            demand(texts == expected, "as a plain reader reads it: \(texts), \(expected)")
            for (name, value) in zip(names, values) {
                let occurrences = count(of: name, in: bytes)
                guard case .one(let range) = value else {
                    demand(value != .absent || occurrences == 0, "a cookie that was sent is not absent")
                    continue
                }
                demand(occurrences == 1, "a name that occurs once")
                demand(request.bytes[range].allSatisfy(CookieField.isCookieByte), "bytes of a cookie")
                demand(!range.isEmpty && request.bytes[range.lowerBound - 1] == UInt8(ascii: "="), "behind the name")
            }
        }
    }

    private static func request(_ bytes: [UInt8]) -> Request {
        var request = Request(byteCount: 0)
        request.bytes = Array("cookie".utf8) + bytes
        var start = 6
        for line in bytes.split(separator: 0x0a, omittingEmptySubsequences: false) {
            request.fields.append(Request.Field(name: 0..<6, value: start..<(start + line.count)))
            start += line.count + 1
        }
        return request
    }

    /// Counted in another way: by all separators at once.
    private static func count(of name: [UInt8], in bytes: [UInt8]) -> Int {
        bytes.split { $0 == 0x0a || $0 == UInt8(ascii: ";") }.count(where: { pair in
            let trimmed = pair.drop { $0 == 0x20 || $0 == 0x09 }
            return trimmed.prefix { $0 != UInt8(ascii: "=") }.elementsEqual(name)
        })
    }

    private static func text(_ value: CookieField.Value, _ request: borrowing Request) -> String {
        switch value {
        case .absent: "absent"
        case .repeated: "repeated"
        case .malformed: "malformed"
        case .unread: "unread"
        case .one(let range): "one \(request.text(range))"
        }
    }

    /// Reads a name in the plainest way: by splitting, and by a list of what a value may have.
    private static func plainly(read name: [UInt8], in bytes: [UInt8]) -> String {
        let fields = bytes.split(separator: 0x0a, omittingEmptySubsequences: false)
        // An empty part behind the last semicolon is no cookie.
        let pairs = fields.flatMap { field -> [ArraySlice<UInt8>] in
            var parts = field.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
            if parts.last?.isEmpty == true { parts.removeLast() }
            return parts
        }
        guard fields.reduce(0, { $0 + $1.count }) <= CookieField.byteCountMax, pairs.count <= CookieField.pairCountMax
        else { return "unread" }
        var found: [ArraySlice<UInt8>] = []
        for pair in pairs {
            let trimmed = pair.drop { $0 == 0x20 || $0 == 0x09 }
            let parts = trimmed.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            if parts.first.map(Array.init) ?? [] == name { found.append(parts.count > 1 ? parts[1] : []) }
        }
        guard let value = found.first else { return "absent" }
        guard found.count == 1 else { return "repeated" }
        let allowed = Set(0x21...0x7e).subtracting("\",;\\".utf8)
        let isPlain = !value.isEmpty && value.allSatisfy { allowed.contains($0) }
        return isPlain ? "one \(String(decoding: value, as: UTF8.self))" : "malformed"
    }
}
