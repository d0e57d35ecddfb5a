import Testing

/// The text of a page without what is not our prose: code, names of metrics and events, test names, and the rows of the
/// table of settings, whose words come from the program.
struct Prose: Sendable {
    /// The words of each line in lower case, with a space before and after each.
    private let lines: [String]
    private let vocabulary: Set<Substring>

    private init(lines: [String]) {
        self.lines = lines.map { line in
            " " + line.lowercased().split { !$0.isLetter }.joined(separator: " ") + " "
        }
        vocabulary = Set(self.lines.flatMap { $0.split(separator: " ") })
    }

    /// The prose of a page.
    init(_ text: String) {
        var isCode = false
        let prose = text.split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
            if line.trimmingPrefix(/\s*/).hasPrefix("```") {
                isCode.toggle()
                return ""
            }
            if isCode || line.hasPrefix("| `MARTLET_") { return "" }
            return String(line.replacing(/`[^`]*`/, with: "").replacing(/\b[a-z]+(?:_[a-z]+)+\b/, with: ""))
        }
        self.init(lines: prose)
    }

    /// The prose of Swift code: comments and string literals, without interpolations and names.
    init(swift code: [String]) {
        var isMultiline = false
        self.init(lines: code.map { Self.prose(of: Array($0.utf8), &isMultiline) })
    }

    private static func prose(of line: [UInt8], _ isMultiline: inout Bool) -> String {
        let quote = UInt8(ascii: "\"")
        var output: [UInt8] = []
        var isString = isMultiline
        var index = 0
        while index < line.count {
            let rest = line[index...]
            if rest.starts(with: [quote, quote, quote]) {
                isMultiline.toggle()
                isString = isMultiline
                index += 3
            } else if isString, line[index] == UInt8(ascii: "\\") {
                let isInterpolation = rest.dropFirst().first == UInt8(ascii: "(")
                index = isInterpolation ? endOfInterpolation(in: line, from: index + 2) : index + 2
                output.append(UInt8(ascii: " "))
            } else if isString {
                if line[index] == quote, !isMultiline { isString = false }
                output.append(line[index])
                index += 1
            } else if rest.starts(with: "//".utf8) {
                output.append(contentsOf: rest.dropFirst(2))
                index = line.count
            } else {
                if line[index] == quote { isString = true }
                index += 1
            }
        }
        let text = String(decoding: output, as: UTF8.self)
        guard text.utf8.contains(where: { marks.contains($0) }) else { return text }
        return text.replacing(/`+[^`]*`+/, with: "").replacing(/\b\w+_\w+\b/, with: "")
            .replacing(/-\s+(?:Parameter\s+)?\w+:/, with: "")
    }

    /// Without one of these, a line has no code, no name of a metric and no parameter.
    private static let marks = Array("`_:".utf8)

    /// - Parameter start: the index after the parenthesis that opens the interpolation.
    private static func endOfInterpolation(in line: [UInt8], from start: Int) -> Int {
        var depth = 1
        var index = start
        while index < line.count, depth > 0 {
            if line[index] == UInt8(ascii: "(") { depth += 1 }
            if line[index] == UInt8(ascii: ")") { depth -= 1 }
            index += 1
        }
        return index
    }

    /// Where a phrase occurs as whole words, by line number from 1. Phrases do not continue on the next line.
    func lineNumbers(of phrase: String) -> [Int] {
        guard phrase.split(separator: " ").allSatisfy({ vocabulary.contains($0) }) else { return [] }
        return lines.indices.filter { lines[$0].contains(" \(phrase) ") }.map { $0 + 1 }
    }
}

@Suite("Language of documents, comments and messages")
struct LanguageTests {
    /// Words that documents, comments and messages no longer use, and what to write instead.
    static let words: [(word: String, instead: String)] = [
        ("whoever", "name the actor: a client, an attacker, an operator"),
        ("whomever", "name the actor"),
        ("nobody", "no user, no client, no process"),
        ("somebody", "name the actor"),
        ("stranger", "an attacker, an unknown client"),
        ("strangers", "attackers, unknown clients"),
        ("octet", "byte"),
        ("octets", "bytes"),
        ("take up", "apply, reload"),
        ("takes up", "applies, reloads"),
        ("taken up", "applied, reloaded"),
        ("takes the change up", "applies the change"),
        ("let go", "close, release"),
        ("lets go", "closes, releases"),
        ("is told", "name who reports what: the server logs, the client gets"),
        ("are told", "name who reports what"),
        ("so long as", "while, as long as"),
        ("in so many words", "explicitly"),
        ("stands", "is, exists"),
        ("mend", "fix, repair"),
        ("mended", "fixed, repaired"),
        ("laid by", "reserved"),
        ("overtaken", "superseded"),
        ("beside", "next to, in addition to"),
        ("besides", "in addition"),
        ("amid", "during"),
        ("anew", "again"),
        ("gives back", "returns, frees"),
        ("good again", "valid again"),
        ("the way on", "what to do"),
        ("lives on", "stays valid"),
    ]

    static let pages = Page.all.filter { !$0.path.hasPrefix("keys/") }

    @Test(arguments: LanguageTests.pages)
    func `a page uses none of the words on the list`(_ page: Page) {
        let prose = Prose(page.text)
        for (word, instead) in Self.words {
            for number in prose.lineNumbers(of: word) {
                Issue.record("\(page.path):\(number): \"\(word)\"; write: \(instead)")
            }
        }
    }

    @Test(arguments: SourceFile.all)
    func `comments and string literals use none of the words on the list`(_ file: SourceFile) {
        let prose = Prose(swift: file.lines)
        for (word, instead) in Self.words {
            for number in prose.lineNumbers(of: word) {
                Issue.record("\(file.path):\(number): \"\(word)\"; write: \(instead)")
            }
        }
    }

    @Test func `a word is found in comments and string literals and not in Swift code`() {
        let code = #"""
            /// Nobody reads this.
            let octets = "eight octets"  // It stands here.
            print("\(octets.map { f($0) }) \"anew\" of ``octets`` and torn_octets", octets)
            /// - Parameter octets: what it is.
            let text = """
                is told
                """
            let nobody = octets
            """#
        let prose = Prose(swift: code.split(separator: "\n").map(String.init))
        #expect(prose.lineNumbers(of: "nobody") == [1])
        #expect(prose.lineNumbers(of: "octets") == [2])
        #expect(prose.lineNumbers(of: "stands") == [2])
        #expect(prose.lineNumbers(of: "anew") == [3])
        #expect(prose.lineNumbers(of: "is told") == [6])
    }

    @Test func `a word is found in prose and not in code`() {
        let text = """
            Nobody, as it were, said so.
            The metric martlet_buffered_octets and `torn octets` are names. It stands here.
            ```
            nobody
            ```
            | `MARTLET_X` | octets |
            """
        let prose = Prose(text)
        #expect(prose.lineNumbers(of: "nobody") == [1])
        #expect(prose.lineNumbers(of: "octets") == [])
        #expect(prose.lineNumbers(of: "stands") == [2])
        #expect(prose.lineNumbers(of: "said so") == [1])
        #expect(prose.lineNumbers(of: "aid so") == [])
    }

    @Test func `the pages are found`() {
        #expect(Self.pages.contains { $0.path == "README.md" })
        #expect(Self.pages.contains { $0.path == "docs/security.md" })
        #expect(Set(Self.words.map(\.word)).count == Self.words.count)
    }
}
