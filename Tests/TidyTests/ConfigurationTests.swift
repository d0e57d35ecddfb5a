import Testing

@Suite("Settings and their page")
struct ConfigurationTests {
    static let page = Checkout.text("docs/configuration.md")

    @Test
    func `every setting that the code names stands in docs configuration.md, and the other way round`() throws {
        let described = settings(in: try #require(Self.page))
        var named: Set<String> = []
        for file in SourceFile.all { named.formUnion(settings(in: file.lines.joined(separator: "\n"))) }
        #expect(named.subtracting(described).sorted() == [], "in the code, not on the page")
        #expect(described.subtracting(named).sorted() == [], "on the page, not in the code")
    }

    /// The names of settings; a bare prefix, and what only tests and scripts read, are none.
    private func settings(in text: String) -> Set<String> {
        let names = text.matches(of: /\bMARTLET_[A-Z0-9]+(?:_[A-Z0-9]+)*\b/).map { String($0.output) }
        return Set(names.filter { !$0.hasPrefix("MARTLET_TEST") && $0 != "MARTLET_BIN" })
    }
}
