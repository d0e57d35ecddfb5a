import HTTP
import Service

extension EntityTags {
    /// More are rejected.
    private static let countMax = 64

    /// Reads `If-Match` or `If-None-Match` (RFC 9110 §13.1): `*`, or entity tags that are separated by commas.
    ///
    /// - Parameter name: in lower case.
    /// - Returns: nil if the field is absent.
    /// - Throws: `request_malformed` for anything else: a condition must not be ignored.
    static func read(_ name: StaticString, _ request: borrowing Request) throws(Problem) -> EntityTags? {
        var tags: [String] = []
        var isAny = false
        for field in request.fields where request.isEqual(field.name, name) {
            if request.isEqual(field.value, "*") {
                guard tags.isEmpty, !isAny else { throw malformed(name) }
                isAny = true
                continue
            }
            guard !isAny, let found = listed(request.bytes[field.value]) else { throw malformed(name) }
            tags += found
            guard tags.count <= countMax else { throw malformed(name) }
        }
        if isAny { return .any }
        guard request.fieldCount(name) > 0 else { return nil }
        guard !tags.isEmpty else { throw malformed(name) }
        return .listed(tags)
    }

    /// - Returns: nil for text that is no list of entity tags. A tag may contain a comma.
    private static func listed(_ text: ArraySlice<UInt8>) -> [String]? {
        var tags: [String] = []
        var rest = text
        while true {
            rest = rest.drop { $0 == 0x20 || $0 == 0x09 || $0 == UInt8(ascii: ",") }
            guard !rest.isEmpty else { return tags }
            let quoted = rest.starts(with: "W/".utf8) ? rest.dropFirst(2) : rest
            guard quoted.first == UInt8(ascii: "\""),
                let end = quoted.dropFirst().firstIndex(of: UInt8(ascii: "\"")),
                quoted[quoted.startIndex..<end].allSatisfy({ $0 > 0x20 && $0 != 0x7f })
            else { return nil }
            tags.append(String(decoding: rest[rest.startIndex...end], as: UTF8.self))
            guard tags.count <= countMax else { return nil }
            rest = rest[(end + 1)...]
            let after = rest.first { $0 != 0x20 && $0 != 0x09 }
            guard after == nil || after == UInt8(ascii: ",") else { return nil }
        }
    }

    private static func malformed(_ name: StaticString) -> Problem {
        Problem(.requestMalformed, "\(name) must be * or at most \(countMax) entity tags in double quotes.")
    }
}

extension SessionDataCondition {
    init(_ request: borrowing Request) throws(Problem) {
        self.init(
            ifMatch: try EntityTags.read("if-match", request),
            ifNoneMatch: try EntityTags.read("if-none-match", request))
    }
}
