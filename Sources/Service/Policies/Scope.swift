/// Scope names as RFC 6749 §3.3 defines them: words of printable ASCII without quote and backslash, separated by single spaces.
///
/// A set: a repeated name counts once, and the order has no meaning. Only the text keeps it.
package struct Scope: Equatable, Sendable {
    package static let byteCountMax = 1_024

    package let names: [String]

    package init(names: [String]) {
        if names.count < 2 {
            self.names = names
            return
        }
        var seen: Set<String> = []
        self.names = names.filter { seen.insert($0).inserted }
    }

    /// - Returns: `nil` unless every word is a scope name.
    package init?(_ text: String) {
        guard text.utf8.count <= Self.byteCountMax else { return nil }
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(Self.isScopeOctet) }) else { return nil }
        self.init(names: words.map(String.init))
    }

    package var text: String { names.count == 1 ? names[0] : names.joined(separator: " ") }

    func isWithin(_ other: Scope) -> Bool {
        Set(names).isSubset(of: other.names)
    }

    /// The same set in the order of `other`, so that equal sets have equal texts; names that `other` lacks come last.
    func ordered(like other: Scope) -> Scope {
        let wanted = Set(names)
        let known = Set(other.names)
        return Scope(names: other.names.filter(wanted.contains) + names.filter { !known.contains($0) }.sorted())
    }

    private static func isScopeOctet(_ octet: UInt8) -> Bool {
        octet == 0x21 || (0x23...0x5b).contains(octet) || (0x5d...0x7e).contains(octet)
    }
}
