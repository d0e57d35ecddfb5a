import Encoding

/// Reads cookies of known names from the Cookie field of a request (RFC 6265bis §4.2.1).
///
/// Cookies of other names belong to other applications of the host. They are skipped, whatever they contain.
package enum CookieField {
    /// What a request says about one name.
    package enum Value: Equatable, Sendable {
        case absent
        /// Where the value is in the request. It has only characters that a cookie may have, and is not empty.
        case one(Range<Int>)
        /// The name was sent more than once. Browsers send cookies of different paths and domains in an order that an
        /// attacker can influence, so none of the values counts.
        case repeated
        /// The value is empty, is in quotes, or has a character that a cookie must not have.
        case malformed
        /// The request has more cookies than are read, so this one may be among them.
        case unread
    }

    /// The maximum number of bytes of all Cookie fields together.
    package static let byteCountMax = 16_384
    /// The maximum number of cookies.
    package static let pairCountMax = 128

    /// Returns the value of each name, in the order of the names.
    ///
    /// - Parameter names: all different, without an equals sign; compared byte by byte.
    package static func values(of names: [[UInt8]], in request: borrowing Request) -> [Value] {
        var values = [Value](repeating: .absent, count: names.count)
        var byteCount = 0
        var pairCount = 0
        for field in request.fields where request.isEqual(field.name, "cookie") {
            byteCount += field.value.count
            guard byteCount <= byteCountMax else { return [Value](repeating: .unread, count: names.count) }
            var start = field.value.lowerBound
            while start < field.value.upperBound {
                let pair = pair(from: start, field, request)
                pairCount += 1
                guard pairCount <= pairCountMax else { return [Value](repeating: .unread, count: names.count) }
                read(pair, names, request, &values)
                start = pair.upperBound + 1
            }
        }
        return values
    }

    /// Where each well-formed value of a name is that came more than once.
    package static func everyValue(of name: [UInt8], in request: borrowing Request) -> [Range<Int>] {
        var found: [Range<Int>] = []
        for field in request.fields where request.isEqual(field.name, "cookie") {
            var start = field.value.lowerBound
            while start < field.value.upperBound {
                let pair = pair(from: start, field, request)
                var value = [Value.absent]
                read(pair, [name], request, &value)
                if case .one(let range) = value[0] { found.append(range) }
                start = pair.upperBound + 1
            }
        }
        return found
    }

    /// The cookie that begins at `start`, up to the next semicolon.
    private static func pair(from start: Int, _ field: Request.Field, _ request: borrowing Request) -> Range<Int> {
        start..<request.bytes(0..<field.value.upperBound).firstIndex(of: UInt8(ascii: ";"), from: start)
    }

    private static func read(
        _ pair: Range<Int>, _ names: [[UInt8]], _ request: borrowing Request, _ values: inout [Value]
    ) {
        var start = pair.lowerBound
        while start < pair.upperBound, request.bytes[start] == 0x20 || request.bytes[start] == 0x09 { start += 1 }
        let cookie = request.bytes(start..<pair.upperBound)
        for (index, name) in names.enumerated() where isNamed(name, cookie) {
            guard values[index] == .absent else { return values[index] = .repeated }
            // Without an equals sign the range is empty, as for an empty value.
            let value = min(start + name.count + 1, pair.upperBound)..<pair.upperBound
            values[index] = !value.isEmpty && request.bytes(value).isCookieValue ? .one(value) : .malformed
            return
        }
    }

    /// Whether a cookie begins with a name that an equals sign or nothing follows. No name has an equals sign.
    private static func isNamed(_ name: [UInt8], _ cookie: Span<UInt8>) -> Bool {
        guard cookie.count >= name.count, cookie.count == name.count || cookie[name.count] == UInt8(ascii: "=") else {
            return false
        }
        for index in name.indices where cookie[index] != name[index] { return false }
        return true
    }

    /// `cookie-octet`: printable ASCII without space, quote, comma, semicolon and backslash.
    package static func isCookieByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x21, 0x23...0x2b, 0x2d...0x3a, 0x3c...0x5b, 0x5d...0x7e: true
        default: false
        }
    }
}
