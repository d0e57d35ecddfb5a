import Testing

/// A moment that is a plain number is soon compared with one in another unit, and a token lives a thousand times too long.
@Suite("Moments")
struct MomentTests {
    private static let home = "Sources/Platform/Time/"
    /// What only moments are called. `now` and `began` are left out of the types: a monotonic clock has them as well.
    private static let names = """
        expires|expiresAt|issuedAt|authTime|notBefore|sessionEnd|sessionsFrom|createdAt|compromisedAt|signsFrom|signsUntil|\
        verifiesUntil|checkedAt|freshUntil|startedAt|lastTime|firstTime|olderEnd|lastAttempt|lastSuccess|wall
        """

    private let moment: Regex<AnyRegexOutput>
    private let number: Regex<AnyRegexOutput>

    init() throws {
        moment = try Regex("\\b(?:now|clock|\(Self.names))\\b")
        number = try Regex("\\b(?:\(Self.names)): Int64\\b")
    }

    private func converts(_ line: String) -> Bool {
        // The parts of a timespec; the loop's clock is monotonic, and the wall clock has its own seconds.
        line.hasBytes(of: " 1_000") && line.contains(/[*\/%] 1_000\b/) && line.contains(moment)
            && !line.contains("tv_sec")
    }

    private func isUntyped(_ line: String) -> Bool { line.hasBytes(of: ": Int64") && line.contains(number) }

    // One test for all files: the expressions take long to compile.
    @Test func `only the two types of time convert between seconds and milliseconds`() {
        for file in SourceFile.all where !file.path.hasPrefix(Self.home) && file.mentions([" 1_000"]) {
            check(file)
        }
    }

    private func check(_ file: SourceFile) {
        for (index, line) in file.lines.enumerated() where !file.isComment(index) {
            #expect(!converts(line), "\(file.path):\(index + 1)")
        }
    }

    @Test func `a moment has a type that says its unit`() {
        for file in SourceFile.all where file.mentions([": Int64"]) { checkTypes(file) }
    }

    private func checkTypes(_ file: SourceFile) {
        for (index, line) in file.lines.enumerated() where !file.isComment(index) {
            #expect(!isUntyped(line), "\(file.path):\(index + 1)")
        }
    }

    @Test func `a conversion and a plain number are seen`() {
        #expect(converts("        let seconds = now / 1_000"))
        #expect(converts("            sessionEnd: claims.sessionEnd &* 1_000)"))
        #expect(converts("        let start = now - now % 1_000"))
        #expect(!converts("        let milliseconds = now / 1_000_000"))
        #expect(!converts("        now = Int64(time.tv_sec) &* 1_000 &+ Int64(time.tv_nsec) / 1_000_000"))
        #expect(!converts("        refreshGrace = reader.seconds(.refreshGrace) * 1_000"))
        #expect(isUntyped("    package let expiresAt: Int64?"))
        #expect(!isUntyped("    package let expiresAt: UnixSeconds"))
        #expect(SourceFile.all.contains { $0.path.hasPrefix(Self.home) })
    }
}
