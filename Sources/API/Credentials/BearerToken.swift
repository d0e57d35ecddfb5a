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
        guard let value = request.field("authorization") else {
            self = request.fieldCount("authorization") == 0 ? .absent : .malformed
            return
        }
        let scheme: StaticString = "bearer"
        let octets = request.bytes(value)
        guard octets.count > scheme.utf8CodeUnitCount else {
            self = .malformed
            return
        }
        for index in 0..<scheme.utf8CodeUnitCount {
            guard unsafe octets[index] | 0x20 == scheme.utf8Start[index] else {
                self = .malformed
                return
            }
        }
        var start = scheme.utf8CodeUnitCount
        guard octets[start] == UInt8(ascii: " ") else {
            self = .malformed
            return
        }
        while start < octets.count, octets[start] == UInt8(ascii: " ") { start += 1 }
        self = start == octets.count ? .malformed : .at((value.lowerBound + start)..<value.upperBound)
    }
}
