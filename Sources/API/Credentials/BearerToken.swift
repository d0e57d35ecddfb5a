import HTTP

/// Where a request carries its bearer token.
enum BearerToken {
    case absent
    /// Where the token is in the request.
    case at(Range<Int>)
    /// Two Authorization fields, or another scheme, or no token after it.
    case malformed

    /// Reads `Authorization: Bearer TOKEN`: the scheme in any case, one or more spaces (RFC 6750 §2.1, RFC 9110 §11.4).
    init(_ request: borrowing Request) {
        let value: Range<Int>
        switch request.occurrence(of: "authorization") {
        case .absent:
            self = .absent
            return
        case .repeated:
            self = .malformed
            return
        case .once(let found): value = found
        }
        let scheme: StaticString = "bearer"
        let text = request.bytes(value)
        guard text.count > scheme.utf8CodeUnitCount else {
            self = .malformed
            return
        }
        for index in 0..<scheme.utf8CodeUnitCount {
            guard unsafe text[index] | 0x20 == scheme.utf8Start[index] else {
                self = .malformed
                return
            }
        }
        var start = scheme.utf8CodeUnitCount
        guard text[start] == UInt8(ascii: " ") else {
            self = .malformed
            return
        }
        while start < text.count, text[start] == UInt8(ascii: " ") { start += 1 }
        self = start == text.count ? .malformed : .at((value.lowerBound + start)..<value.upperBound)
    }
}
