import Foundation
import Testing

/// A page of the documentation, and what it links to.
struct Page: Sendable, CustomTestStringConvertible {
    /// Relative to the checkout, such as `docs/security.md`.
    let path: String
    let text: String

    var testDescription: String { path }

    static let all: [Page] = {
        let folders = ["", "docs/", "keys/"]
        let paths = folders.flatMap { folder in
            let names =
                (try? FileManager.default.contentsOfDirectory(atPath: Checkout.root.appending(path: folder).path)) ?? []
            return names.filter { $0.hasSuffix(".md") }.sorted().map { folder + $0 }
        }
        return paths.map { Page(path: $0, text: Checkout.text($0) ?? "") }
    }()

    /// What stands in the parentheses of links; code is no link.
    var links: [String] {
        let prose = text.replacing(/```[\s\S]*?```/, with: "").replacing(/`[^`\n]*`/, with: "")
        return prose.matches(of: /\]\(([^)\s]+)\)/).map { String($0.output.1) }
    }

    /// The anchors that a page's headings make: lower case, without punctuation, with hyphens for spaces.
    var anchors: Set<String> {
        let headings = text.replacing(/```[\s\S]*?```/, with: "").matches(of: /(?m)^#+ (.+)$/).map { $0.output.1 }
        return Set(headings.map { $0.lowercased().replacing(/[^\w \-]/, with: "").replacing(" ", with: "-") })
    }
}

@Suite("Documents")
struct DocumentTests {
    @Test(arguments: Page.all)
    func `every link leads to a file and a heading that exist`(_ page: Page) throws {
        let folder = page.path.contains("/") ? page.path.prefix { $0 != "/" } + "/" : ""
        for link in page.links where !link.contains("://") {
            let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
            let absolute = URL(filePath: "/" + (parts[0].isEmpty ? page.path : folder + parts[0])).standardized.path
            let path = String(absolute.dropFirst())
            let target = Checkout.root.appending(path: path).path
            #expect(FileManager.default.fileExists(atPath: target), "\(page.path): \(link)")
            guard parts.count == 2 else { continue }
            let other = Page(path: path, text: Checkout.text(path) ?? "")
            #expect(other.anchors.contains(String(parts[1])), "\(page.path): \(link)")
        }
    }

    @Test func `pages and links are found`() {
        #expect(Page.all.count >= 8)
        #expect(Page.all.contains { $0.links.contains { $0.contains("#") } })
        let page = Page(path: "", text: "# A b-c, d!\n[x](y.md#z) `[n](o)`\n```\n# no\n[n](o)\n```\n")
        #expect(page.links == ["y.md#z"])
        #expect(page.anchors == ["a-b-c-d"])
    }

    @Test func `every metric stands in docs operations.md, and the other way round`() throws {
        let page = try #require(Checkout.text("docs/operations.md"))
        let names = ["Metrics", "Metrics+Feed", "Metrics+Following", "Metrics+Process", "Metrics+Store"]
        let sources = names.compactMap { Checkout.text("Sources/API/Operations/\($0).swift") }
        #expect(sources.count == 5)
        let named = Set(sources.joined().matches(of: /"((?:martlet|process)_[a-z_]+)"/).map { String($0.output.1) })
        let described = Set(page.matches(of: /\b(?:martlet|process)_[a-z_]+/).map { String($0.output) })
        #expect(!named.isEmpty)
        #expect(named == described)
    }

    @Test func `every event of the log stands in docs operations.md, and the other way round`() throws {
        let page = try #require(Checkout.text("docs/operations.md"))
        let heading = try #require(page.firstRange(of: "| event | level | says |"))
        let rows = page[heading.upperBound...].prefix { $0 != "#" }.matches(of: /\n\| ([a-z_, ]+) \|/)
        let described = Set(rows.flatMap { $0.output.1.split(separator: ", ").map(String.init) })
        let sources = SourceFile.all.map { $0.lines.joined(separator: "\n") }.joined(separator: "\n")
        let logged = sources.matches(of: /log(?:Login|Refresh|)(?:\.write)?\((?:\.\w+, )?(?:isReplay \? )?"(\w+)"/)
        let named = Set(logged.map { String($0.output.1) })
        #expect(named.count > 10)
        #expect(named.subtracting(described).sorted() == [], "in the code, not on the page")
        for event in described { #expect(sources.contains("\"\(event)\""), "\(event) is on the page, not in the code") }
    }
}
