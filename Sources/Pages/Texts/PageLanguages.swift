/// The languages that the pages have, and which of them a reader gets.
package struct PageLanguages: Sendable {
    /// The first one is the default.
    package let all: [PageTexts]

    /// English and German.
    package static let builtIn = PageLanguages(all: [.english, .german])

    /// No reader names more languages than this; what follows is not read.
    private static let rangeCountMax = 32

    init(all: [PageTexts]) {
        self.all = all
    }

    /// The texts of a language that ``index(for:)`` returned.
    package subscript(index: Int) -> PageTexts {
        all.indices.contains(index) ? all[index] : .english
    }

    /// The index of the language for a value of Accept-Language (RFC 9110 §12.5.4), by the lookup of RFC 4647 §3.4.
    package func index(for field: String?) -> Int {
        guard let field else { return 0 }
        let ranges = field.split(separator: ",").prefix(Self.rangeCountMax).compactMap(Self.range)
        // Stable, so that of equal weights the first one counts.
        let sorted = ranges.enumerated().sorted { ($1.element.weight, $0.offset) < ($0.element.weight, $1.offset) }
        for (_, range) in sorted where range.weight > 0 {
            if range.tag == "*" { return 0 }
            if let found = lookUp(range.tag) { return found }
        }
        return 0
    }

    /// The language that the tag names most specifically, or one that is more specific than the tag.
    private func lookUp(_ tag: String) -> Int? {
        var subtags = tag.split(separator: "-")
        while !subtags.isEmpty {
            let wanted = subtags.joined(separator: "-")
            if let found = all.firstIndex(where: { $0.tag.lowercased() == wanted }) { return found }
            if let found = all.firstIndex(where: { $0.tag.lowercased().hasPrefix("\(wanted)-") }) { return found }
            subtags.removeLast()
        }
        return nil
    }

    /// - Returns: the tag in lower case and its weight in thousandths; nil for a range that cannot be read.
    private static func range(_ text: Substring) -> (tag: String, weight: Int)? {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false).map {
            $0.filter { $0 != " " && $0 != "\t" }
        }
        guard let tag = parts.first?.lowercased(), tag == "*" || PageTextsFile.isTag(tag) else { return nil }
        guard parts.count > 1 else { return (tag, 1_000) }
        guard parts[1].hasPrefix("q="), let weight = weight(parts[1].dropFirst(2)) else { return nil }
        return (tag, weight)
    }

    /// Reads `0`, `1`, or either with up to three decimals (RFC 9110 §12.4.2).
    private static func weight(_ text: Substring) -> Int? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let decimals = parts.count > 1 ? parts[1] : ""
        guard parts.first == "0" || parts.first == "1", decimals.utf8.count <= 3,
            decimals.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        let thousandths = Int("\(decimals)000".prefix(3)) ?? 0
        return min(parts.first == "1" ? 1_000 + thousandths : thousandths, 1_000)
    }
}
