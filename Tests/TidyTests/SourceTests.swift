import Testing

@Suite("Sources")
struct SourceTests {
    @Test(arguments: SourceFile.all)
    func `nothing traps by a keyword and nothing is left unfinished`(_ file: SourceFile) {
        guard file.mentions(["try!", "as!", "unsafelyUnwrapped", "-Ounchecked", "TODO", "FIXME", "XXX"]) else { return }
        for (index, line) in file.lines.enumerated() {
            let found = line.firstMatch(of: /\btry!|\bas!|unsafelyUnwrapped|-Ounchecked|\bTODO\b|\bFIXME\b|\bXXX\b/)
            #expect(found == nil, "\(file.path):\(index + 1): \(line)")
        }
    }

    @Test func `the manifest keeps every check of the optimiser`() throws {
        let manifest = try #require(Checkout.text("Package.swift"))
        #expect(!manifest.contains("-Ounchecked"))
        #expect(!manifest.contains("unsafeFlags"))
    }

    /// Longer files have held a second idea each time.
    @Test(arguments: SourceFile.all)
    func `a file has at most 350 lines`(_ file: SourceFile) {
        #expect(file.lines.count <= 350, "\(file.path) has \(file.lines.count) lines")
    }

    @Test(arguments: SourceFile.all)
    func `every promise that the compiler cannot check says why it is true`(_ file: SourceFile) {
        for (index, line) in file.lines.enumerated() {
            guard line.contains("@unchecked Sendable") || line.contains("nonisolated(unsafe)") else { continue }
            guard !file.isComment(index) else { continue }
            #expect(file.givesReason(for: index), "\(file.path):\(index + 1): no comment gives the reason")
        }
    }

    @Test func `a comment without an argument is no reason`() {
        let silent = SourceFile(path: "", lines: ["/// A thing.", "final class A: @unchecked Sendable {}"])
        let argued = SourceFile(
            path: "", lines: ["/// Holds because it is.", "", "final class A: @unchecked Sendable {}"])
        #expect(!silent.givesReason(for: 1))
        #expect(argued.givesReason(for: 2))
    }
}

extension SourceFile {
    func isComment(_ index: Int) -> Bool {
        lines[index].trimmingPrefix(/\s*/).hasPrefix("//")
    }

    /// Whether a comment that argues stands around the line: on it, just below, or not far above, where one comment may
    /// speak for several declarations.
    func givesReason(for index: Int) -> Bool {
        let words = /\b(because|since|holds?|safe|safely|only|never|immutable|guard(s|ed)?|lock(s|ed)?|own(s|ed)?)\b/
        let near = max(0, index - 14)...min(lines.count - 1, index + 1)
        let comments = near.compactMap { number in
            lines[number].firstRange(of: "//").map { lines[number][$0.upperBound...] }
        }
        return comments.joined(separator: " ").contains(words.ignoresCase())
    }
}

/// Bounds of tokens and sessions that drift apart lose a revocation silently, so all of them are in one file.
@Suite("Bounds of tokens")
struct TokenBoundTests {
    private static let home = "Sources/Tokens/TokenLimits.swift"

    /// One of them is in every line that is found.
    private static let words = [
        "leewayMax", "lifetimeMax", "tokenMax", "sessionMax", "cutMargin", "refreshGraceMax", "34_560_000_000",
        "3_660_000", "61_000",
    ]

    private static func finds(_ line: String) -> Bool {
        let name = /\b(?:leewayMax|lifetimeMax|tokenMax|sessionMax|cutMargin|refreshGraceMax)\b(?:: \w+)? = \d/
        let number = /\b(?:34_560_000_000|3_660_000|61_000)\b/
        return line.contains(name) || line.contains(number)
    }

    @Test(arguments: SourceFile.all)
    func `no other file has a bound of its own`(_ file: SourceFile) {
        guard file.path != Self.home, file.mentions(Self.words) else { return }
        for (index, line) in file.lines.enumerated() where Self.words.contains(where: { line.hasBytes(of: $0) }) {
            #expect(!Self.finds(line), "\(file.path):\(index + 1)")
        }
    }

    @Test func `a bound is seen`() throws {
        #expect(Self.finds("    static let leewayMax: Int64 = 61_000"))
        #expect(Self.finds("    private static let cutMargin = 5"))
        #expect(!Self.finds("    static let tokenMax = TokenLimits.standard.tokenMax"))
        #expect(SourceFile.all.first { $0.path == Self.home }?.lines.contains(where: Self.finds) == true)
    }
}
