/// The texts of the pages in one language.
package struct PageTexts: Sendable {
    package enum Direction: String, CaseIterable, Sendable {
        case leftToRight = "ltr"
        case rightToLeft = "rtl"
    }

    /// A language tag (RFC 5646), for `lang` and for the choice of the language.
    package let tag: String
    package let direction: Direction
    private let texts: [PageText: String]

    init(tag: String, direction: Direction = .leftToRight, _ texts: [PageText: String]) {
        self.tag = tag
        self.direction = direction
        self.texts = texts
    }

    /// The text as it is, with the names of its values. A text that this language lacks is English.
    package subscript(text: PageText) -> String {
        texts[text] ?? Self.english.texts[text] ?? text.rawValue
    }

    /// Whether the text is English, because this language lacks it.
    func lacks(_ text: PageText) -> Bool { texts[text] == nil && tag != Self.english.tag }

    /// The text with a number in place of `{seconds}` or `{count}`.
    package func text(_ text: PageText, _ number: Int64?) -> String {
        guard let number else { return self[text] }
        let (before, after) = parts(text)
        guard let after else { return before }
        return "\(before)\(number)\(after)"
    }

    /// The text before and after the place of its value; `after` is nil if the text has no such place.
    func parts(_ text: PageText) -> (before: String, after: String?) {
        let whole = self[text]
        for place in ["{name}", "{seconds}", "{count}"] {
            guard let range = whole.firstRange(of: place) else { continue }
            return (String(whole[..<range.lowerBound]), String(whole[range.upperBound...]))
        }
        return (whole, nil)
    }

    /// This language with other texts for some keys.
    func replacing(_ others: [PageText: String], direction: Direction?) -> PageTexts {
        PageTexts(tag: tag, direction: direction ?? self.direction, texts.merging(others) { $1 })
    }
}
