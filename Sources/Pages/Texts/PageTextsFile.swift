import Encoding

/// Why a file of texts is rejected; `line` counts from 1.
package struct PageTextsError: Error, Equatable, Sendable {
    package let line: Int
    package let reason: String
}

/// Reads a file of texts: `{"fr": {"dir": "ltr", "sign_in": "Se connecter"}}`, a member for each language.
///
/// The keys are those of ``PageText``, and `dir`. What a language lacks is English, or German for `de`.
package enum PageTextsFile {
    package static let byteCountMax = 262_144
    private static let languageCountMax = 32

    /// The built-in languages and those of the file, which replace texts of a built-in language of the same tag.
    package static func languages(_ bytes: [UInt8]) throws(PageTextsError) -> PageLanguages {
        guard bytes.count <= byteCountMax else {
            throw PageTextsError(line: 1, reason: "the file is larger than \(byteCountMax) bytes")
        }
        var document = JSONDocument(
            limits: JSONLimits(depthMax: 3, memberMax: 16_384, byteCountMax: byteCountMax), capacity: 1_024)
        do throws(JSONError) {
            try document.parse(bytes.span)
        } catch {
            let end = error == .unterminated ? bytes.count : 0
            throw PageTextsError(line: line(at: error.offset ?? end, in: bytes), reason: "\(error)")
        }
        guard document.kind(0) == .object else {
            throw PageTextsError(line: 1, reason: "the file must be a JSON object")
        }
        var languages = PageLanguages.builtIn.all
        guard document.count(0) <= languageCountMax else {
            throw PageTextsError(line: 1, reason: "there are more than \(languageCountMax) languages")
        }
        var tags: Set<String> = []
        for (name, value) in document.members(0) {
            let texts = try language(name, value, document, bytes)
            guard tags.insert(texts.tag.lowercased()).inserted else {
                let line = line(at: document.range(name).lowerBound, in: bytes)
                throw PageTextsError(line: line, reason: "the language \(texts.tag) comes twice")
            }
            if let index = languages.firstIndex(where: { $0.tag == texts.tag }) {
                languages[index] = texts
            } else {
                languages.append(texts)
            }
        }
        return PageLanguages(all: languages)
    }

    private static func language(
        _ name: Int, _ value: Int, _ document: borrowing JSONDocument, _ bytes: [UInt8]
    ) throws(PageTextsError) -> PageTexts {
        func fault(_ node: Int, _ reason: String) -> PageTextsError {
            PageTextsError(line: line(at: document.range(node).lowerBound, in: bytes), reason: reason)
        }
        guard let tag = document.string(name, in: bytes.span), LanguageTag.isValid(tag.utf8.span) else {
            throw fault(name, "expected a language tag such as fr or pt-BR")
        }
        guard document.kind(value) == .object else {
            throw fault(value, "expected an object with the texts of the language")
        }
        var direction: PageTexts.Direction?
        var texts: [PageText: String] = [:]
        for (name, value) in document.members(value) {
            guard let text = document.string(value, in: bytes.span), !text.isEmpty else {
                throw fault(value, "expected a text that is not empty")
            }
            let key = document.string(name, in: bytes.span) ?? ""
            if key == "dir" {
                guard let named = PageTexts.Direction(rawValue: text) else {
                    throw fault(value, "expected ltr or rtl")
                }
                direction = named
            } else if let known = PageText(rawValue: key) {
                if let reason = misplacement(text, known) { throw fault(value, reason) }
                texts[known] = text
            } else {
                throw fault(name, "there is no text with this key" + (isPlain(key) ? ": \(key)" : ""))
            }
        }
        if let builtIn = PageLanguages.builtIn.all.first(where: { $0.tag.lowercased() == tag.lowercased() }) {
            return builtIn.replacing(texts, direction: direction)
        }
        return PageTexts(tag: tag, direction: direction ?? .leftToRight, texts)
    }

    /// Whether a key can be repeated in an error.
    private static func isPlain(_ key: String) -> Bool {
        (1...64).contains(key.utf8.count)
            && key.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5f }
    }

    /// Says what is wrong with the places of values in a text: they must be those of the English text, each once. Without
    /// one, the reader misses the value, and another is shown as it is.
    private static func misplacement(_ text: String, _ key: PageText) -> String? {
        let wanted = places(PageTexts.english[key])
        guard places(text) != wanted else { return nil }
        let expected = wanted.isEmpty ? "no {value}" : "\(wanted.joined(separator: " and ")) once"
        return "the text \(key.rawValue) must contain \(expected)"
    }

    /// The words in braces.
    private static func places(_ text: String) -> [String] {
        text.split(separator: "{", omittingEmptySubsequences: false).dropFirst().compactMap { part in
            let word = String(part.prefix { $0 != "}" })
            let isWord = word.count < part.count && !word.isEmpty && word.allSatisfy { $0.isASCII && $0.isLetter }
            return isWord ? "{\(word)}" : nil
        }.sorted()
    }

    private static func line(at offset: Int, in bytes: [UInt8]) -> Int {
        1 + bytes.prefix(max(0, offset)).count { $0 == UInt8(ascii: "\n") }
    }
}
