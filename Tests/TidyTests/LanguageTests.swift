import Testing

/// The text of a page without what is not our prose: code, names of metrics and events, test names, and the rows of the
/// table of settings, whose words come from the program.
struct Prose: Sendable {
    let lines: [String]

    init(_ text: String) {
        var isCode = false
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
            if line.trimmingPrefix(/\s*/).hasPrefix("```") {
                isCode.toggle()
                return ""
            }
            if isCode || line.hasPrefix("| `MARTLET_") { return "" }
            return String(line.replacing(/`[^`]*`/, with: "").replacing(/\b[a-z]+(?:_[a-z]+)+\b/, with: ""))
        }
    }

    /// Where a phrase occurs as whole words, by line number from 1. Phrases do not continue on the next line.
    func lineNumbers(of phrase: String) -> [Int] {
        let wanted = " \(phrase) "
        return lines.indices.filter { index in
            let words = lines[index].lowercased().split { !$0.isLetter }.joined(separator: " ")
            return " \(words) ".contains(wanted)
        }.map { $0 + 1 }
    }
}

@Suite("Language of the documents")
struct LanguageTests {
    /// Words that the documents no longer use, and what to write instead.
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
