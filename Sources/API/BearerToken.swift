import HTTP

/// Where a request carries its bearer token.
enum BearerToken {
    case absent
    /// The token's octets in the request.
    case at(Range<Int>)
    /// Two Authorization fields, another scheme, or a value that is no single token.
    case malformed

    /// Reads `Authorization: Bearer TOKEN`: the scheme without regard to case, one or more spaces (RFC 6750 §2.1, RFC 9110 §11.4).
    init(_ request: borrowing Request) {
        guard let value = request.field("authorization") else {
            self = request.fieldCount("authorization") == 0 ? .absent : .malformed
            return
        }
        let scheme: StaticString = "bearer"
        let octets = request.octets(value)
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
        for index in start..<octets.count where octets[index] == UInt8(ascii: " ") || octets[index] == UInt8(ascii: ",") {
            self = .malformed
            return
        }
        self = start == octets.count ? .malformed : .at((value.lowerBound + start)..<value.upperBound)
    }
}
