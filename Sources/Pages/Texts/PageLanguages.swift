import Encoding

/// The languages that the pages have, and which of them a reader gets.
package struct PageLanguages: Sendable {
    /// The first one is the default.
    package let all: [PageTexts]
    /// Their tags in lower case, as bytes, because every request for a page is compared with them.
    private let tags: [[UInt8]]

    /// English and German.
    package static let builtIn = PageLanguages(all: [.english, .german])

    /// No reader names more languages than this; what follows is not read.
    private static let rangeCountMax = 32

    init(all: [PageTexts]) {
        self.all = all
        tags = all.map { Array($0.tag.lowercased().utf8) }
    }

    /// The texts of a language that ``index(for:)`` returned.
    package subscript(index: Int) -> PageTexts {
        all.indices.contains(index) ? all[index] : .english
    }

    /// The index of the language for a value of Accept-Language (RFC 9110 §12.5.4), by the lookup of RFC 4647 §3.4.
    package func index(for field: Span<UInt8>) -> Int {
        var best = (index: 0, weight: 0)
        var rangeCount = 0
        var start = 0
        while start < field.count, rangeCount < Self.rangeCountMax {
            let end = field.firstIndex(of: UInt8(ascii: ","), from: start)
            defer { start = end + 1 }
            guard end > start else { continue }
            rangeCount += 1
            // Of equal weights the first one counts.
            guard let range = LanguageRange(field, start..<end), range.weight > best.weight,
                let index = range.isAny ? 0 : lookUp(field.extracting(range.tag))
            else { continue }
            best = (index, range.weight)
        }
        return best.index
    }

    /// The language that the tag names most specifically, or one that is more specific than the tag.
    private func lookUp(_ tag: Span<UInt8>) -> Int? {
        var length = tag.count
        while length > 0 {
            var found: Int?
            for (index, known) in tags.enumerated() where Self.begins(known, with: tag.extracting(0..<length)) {
                if known.count == length { return index }
                if found == nil, known[length] == UInt8(ascii: "-") { found = index }
            }
            if let found { return found }
            repeat { length -= 1 } while length > 0 && tag[length] != UInt8(ascii: "-")
        }
        return nil
    }

    /// Whether a tag in lower case begins with these letters, in any case.
    private static func begins(_ tag: [UInt8], with letters: Span<UInt8>) -> Bool {
        guard letters.count <= tag.count else { return false }
        for index in letters.indices where letters[index].lowercased != tag[index] { return false }
        return true
    }
}

/// One range of Accept-Language.
private struct LanguageRange {
    /// Where the tag is in the field.
    let tag: Range<Int>
    /// Any language: `*`.
    let isAny: Bool
    /// In thousandths.
    let weight: Int

    /// - Returns: nil for a range that cannot be read.
    init?(_ field: Span<UInt8>, _ range: Range<Int>) {
        let end = min(field.firstIndex(of: UInt8(ascii: ";"), from: range.lowerBound), range.upperBound)
        tag = Self.trimmed(field, range.lowerBound..<end)
        isAny = tag.count == 1 && field[tag.lowerBound] == UInt8(ascii: "*")
        guard isAny || LanguageTag.isValid(field.extracting(tag)) else { return nil }
        guard end < range.upperBound else {
            weight = 1_000
            return
        }
        let next = min(field.firstIndex(of: UInt8(ascii: ";"), from: end + 1), range.upperBound)
        guard let weight = Self.weight(field.extracting(Self.trimmed(field, (end + 1)..<next))) else { return nil }
        self.weight = weight
    }

    /// Reads `q=`, then `0`, `1`, or either with up to three decimals (RFC 9110 §12.4.2).
    private static func weight(_ text: Span<UInt8>) -> Int? {
        guard (3...7).contains(text.count), text[0] == UInt8(ascii: "q"), text[1] == UInt8(ascii: "="),
            text[2] == UInt8(ascii: "0") || text[2] == UInt8(ascii: "1")
        else { return nil }
        var weight = text[2] == UInt8(ascii: "1") ? 1_000 : 0
        guard text.count > 3 else { return weight }
        guard text[3] == UInt8(ascii: ".") else { return nil }
        var unit = 100
        for index in 4..<text.count {
            guard (0x30...0x39).contains(text[index]) else { return nil }
            weight += Int(text[index] - 0x30) * unit
            unit /= 10
        }
        return min(weight, 1_000)
    }

    private static func trimmed(_ field: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, field[start] == 0x20 || field[start] == 0x09 { start += 1 }
        while end > start, field[end - 1] == 0x20 || field[end - 1] == 0x09 { end -= 1 }
        return start..<end
    }
}

/// The form of a language tag (RFC 5646 §2.1), such as `pt-BR`.
enum LanguageTag {
    private static let byteCountMax = 35

    /// Whether a text consists of subtags of up to eight letters and digits, the first of them of two letters or more.
    static func isValid(_ text: Span<UInt8>) -> Bool {
        guard text.count <= byteCountMax else { return false }
        var length = 0
        var isFirst = true
        for index in text.indices {
            if text[index] == UInt8(ascii: "-") {
                guard length >= (isFirst ? 2 : 1) else { return false }
                (length, isFirst) = (0, false)
                continue
            }
            let isLetter = (0x61...0x7a).contains(text[index].lowercased)
            guard isLetter || (!isFirst && (0x30...0x39).contains(text[index])), length < 8 else { return false }
            length += 1
        }
        return length >= (isFirst ? 2 : 1)
    }
}
