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
}
