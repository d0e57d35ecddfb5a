import Testing

/// A row of `docs/conformance.md`: a section, what the service does, and the tests that show it.
struct Requirement: Sendable, CustomTestStringConvertible {
    struct Evidence: Sendable {
        let file: String
        let name: String

        /// Whether a test in `text` has this name. Test names in Swift may have an addition, such as a section.
        func isFound(in text: String) -> Bool {
            guard file.hasSuffix(".swift") else { return text.contains("def \(name)(") }
            return text.matches(of: /func `([^`\n]+)`/).contains { $0.output.1.contains(name) }
        }
    }

    let section: String
    let description: String
    let evidence: [Evidence]

    var testDescription: String { section }

    /// - Returns: nil for a line that is no row about a section.
    init?(_ line: String) {
        let cells = line.split(separator: "|").map { String($0.trimmingPrefix(" ")) }
        guard cells.count == 3, line.hasPrefix("| RFC ") || line.hasPrefix("| ASVS ") else { return nil }
        section = cells[0]
        description = cells[1]
        evidence = cells[2].matches(of: /`(Tests\/[^`]+)`: `([^`]+)`/).map {
            Evidence(file: String($0.output.1), name: String($0.output.2))
        }
    }

    static let all: [Requirement] = {
        let page = Checkout.text("docs/conformance.md") ?? ""
        return page.split(separator: "\n").compactMap { Requirement(String($0)) }
    }()
}

@Suite("docs/conformance.md")
struct ConformanceTests {
    /// What a row must begin with, one for each specification that the page claims to cover.
    static let specifications: [String] =
        [7515, 7517, 7518, 7519, 8725, 9068, 6749, 6750, 7009, 7662, 8414, 9700, 9110, 9112, 9457].map { "RFC \($0) §" }
        + ["ASVS 5.0 V6.", "ASVS 5.0 V7.", "ASVS 5.0 V9."]

    @Test(arguments: Requirement.all)
    func `every row names tests that exist`(_ row: Requirement) {
        #expect(!row.description.isEmpty, "\(row.section) says nothing")
        #expect(!row.evidence.isEmpty, "\(row.section) names no test")
        for evidence in row.evidence {
            guard let text = Checkout.text(evidence.file) else {
                Issue.record("\(row.section): there is no \(evidence.file)")
                continue
            }
            #expect(evidence.isFound(in: text), "\(row.section): no test `\(evidence.name)` in \(evidence.file)")
        }
    }

    @Test(arguments: ConformanceTests.specifications)
    func `every specification has a row`(_ prefix: String) {
        #expect(Requirement.all.contains { $0.section.hasPrefix(prefix) }, "no row begins with \(prefix)")
    }

    @Test func `every row of the page is read`() throws {
        let page = try #require(Checkout.text("docs/conformance.md"))
        let rows = page.split(separator: "\n").filter {
            $0.hasPrefix("| ") && !$0.hasPrefix("| section |")
        }
        #expect(rows.count == Requirement.all.count)
        #expect(rows.count > 100)
    }

    @Test func `a row without a real test is noticed`() throws {
        let row = try #require(Requirement("| RFC 1 §2 | x | `Tests/A.swift`: `b c`; `Tests/d.py`: `test_e` |"))
        #expect(row.section.hasPrefix("RFC 1 §2"))
        #expect(row.evidence.map(\.file) == ["Tests/A.swift", "Tests/d.py"])
        #expect(row.evidence[0].isFound(in: "func `b c (RFC 1)`() {}"))
        #expect(!row.evidence[0].isFound(in: "// b c\nfunc `b d`() {}"))
        #expect(row.evidence[1].isFound(in: "def test_e(server):"))
        #expect(!row.evidence[1].isFound(in: "def test_e_f(server):"))
        #expect(Requirement("| RFC 1 §2 | x | no test |")?.evidence.isEmpty == true)
        #expect(Requirement("| section | what | tests |") == nil)
    }
}
