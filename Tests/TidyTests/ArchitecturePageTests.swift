import Foundation
import Testing

@Suite("docs/architecture.md")
struct ArchitecturePageTests {
    static let page = Checkout.text("docs/architecture.md")

    /// The source files that a part of the page names, in its order.
    private func files(in text: Substring) -> [String] {
        text.matches(of: /`(Sources\/[\w+\/.]+\.swift)`/).map { String($0.output.1) }
    }

    /// The text below a heading, up to the next one of the second level.
    private func section(_ heading: String) throws -> Substring {
        let page = try #require(Self.page)
        let start = try #require(page.firstRange(of: "\n## \(heading)\n"), "\(heading) is missing")
        let rest = page[start.upperBound...]
        return rest[..<(rest.firstRange(of: "\n## ")?.lowerBound ?? rest.endIndex)]
    }

    @Test func `every source file that the page names exists`() throws {
        let named = files(in: try #require(Self.page)[...])
        #expect(named.count > 30)
        for path in named {
            #expect(FileManager.default.fileExists(atPath: Checkout.root.appending(path: path).path), "\(path)")
        }
    }

    @Test(arguments: ["The path of a verification", "The path of a refresh"])
    func `a request passes each file once`(_ heading: String) throws {
        let named = files(in: try section(heading))
        #expect(named.count > 10)
        #expect(Set(named).count == named.count, "\(heading) names a file twice")
    }

    @Test func `every folder of Sources has its line`() throws {
        let table = try section("Targets")
        for target in Set(SourceFile.all.map(\.target)) {
            #expect(table.contains("\n| \(target)/ |"), "\(target)")
        }
    }
}
