import Encoding

/// Scope names as RFC 6749 §3.3 defines them: words of printable ASCII without quote and backslash, separated by single spaces.
///
/// A set: a repeated name counts once, and the order has no meaning. Only the text keeps it.
package struct Scope: Equatable, Sendable {
    package static let byteCountMax = 1_024
    /// The number of names up to which comparing with each of them is faster than hashing.
    private static let fewCount = 16

    package let names: [String]
    /// The names, separated by single spaces.
    package let text: String

    package init(names: [String]) {
        self.names = Self.distinct(names)
        text = self.names.count == 1 ? self.names[0] : self.names.joined(separator: " ")
    }

    /// - Returns: `nil` unless every word is a scope name.
    package init?(_ text: String) {
        guard let words = Self.words(text.utf8.span) else { return nil }
        names = Self.distinct(words)
        self.text = names.count == words.count ? text : names.joined(separator: " ")
    }

    private static func words(_ text: Span<UInt8>) -> [String]? {
        guard text.count <= byteCountMax else { return nil }
        var words: [String] = []
        words.reserveCapacity(4)
        var start = 0
        for end in 0...text.count {
            guard end == text.count || text[end] == UInt8(ascii: " ") else {
                guard isScopeOctet(text[end]) else { return nil }
                continue
            }
            guard end > start else { return nil }
            words.append(String(decoding: text.extracting(start..<end)))
            start = end + 1
        }
        return words
    }

    private static func distinct(_ names: [String]) -> [String] {
        if names.count < 2 { return names }
        if names.count <= fewCount {
            let isRepeated = names.indices.contains { names[..<$0].contains(names[$0]) }
            if !isRepeated { return names }
        }
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }
    }

    /// The names that are wanted, in the same order.
    func filter(_ isWanted: (String) -> Bool) -> Scope {
        names.allSatisfy(isWanted) ? self : Scope(names: names.filter(isWanted))
    }

    func isWithin(_ other: Scope) -> Bool {
        if other.names.count <= Self.fewCount { return names.allSatisfy(other.names.contains) }
        return Set(names).isSubset(of: other.names)
    }

    /// The same set in the order of `other`, so that equal sets have equal texts; names that `other` lacks come last.
    func ordered(like other: Scope) -> Scope {
        if names == other.names { return other }
        let wanted = Set(names)
        let known = Set(other.names)
        return Scope(names: other.names.filter(wanted.contains) + names.filter { !known.contains($0) }.sorted())
    }

    private static func isScopeOctet(_ octet: UInt8) -> Bool {
        octet == 0x21 || (0x23...0x5b).contains(octet) || (0x5d...0x7e).contains(octet)
    }
}
