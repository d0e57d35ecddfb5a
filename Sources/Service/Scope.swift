/// A list of scope tokens as RFC 6749 §3.3 writes it: words of printable ASCII without quote and backslash, one space apart.
package struct Scope: Equatable, Sendable {
    package static let byteCountMax = 1_024

    package let names: [String]

    package init(names: [String]) {
        self.names = names
    }

    /// - Returns: `nil` unless every word is a scope token.
    package init?(_ text: String) {
        guard text.utf8.count <= Self.byteCountMax else { return nil }
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(Self.isScopeOctet) }) else { return nil }
        names = words.map(String.init)
    }

    package var text: String { names.joined(separator: " ") }

    func isWithin(_ other: Scope) -> Bool {
        Set(names).isSubset(of: other.names)
    }

    private static func isScopeOctet(_ octet: UInt8) -> Bool {
        octet == 0x21 || (0x23...0x5b).contains(octet) || (0x5d...0x7e).contains(octet)
    }
}
