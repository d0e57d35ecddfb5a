import API
import App
import Foundation
import HTTP
import Testing

/// The files of this checkout, found from where this file was compiled.
enum Checkout {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func text(_ path: String) -> String? {
        try? String(contentsOf: root.appending(path: path), encoding: .utf8)
    }
}

@Suite("openapi.yaml")
struct OpenAPITests {
    static let document = OpenAPIDocument(version: Version.text, settings: Setting.allCases.map(\.openAPIText)).text

    @Test func `the file at the root is what this version prints`() throws {
        let file = try #require(Checkout.text("openapi.yaml"), "openapi.yaml is missing: make openapi")
        let lines = (file.components(separatedBy: "\n"), Self.document.components(separatedBy: "\n"))
        let differing = zip(lines.0, lines.1).enumerated().first { $0.element.0 != $0.element.1 }
        let place = differing.map { "line \($0.offset + 1) is «\($0.element.0)», wanted «\($0.element.1)»" }
        let complaint = Comment(rawValue: "run make openapi; \(place ?? "one is longer than the other")")
        #expect(file.utf8.elementsEqual(Self.document.utf8), complaint)
    }

    @Test(arguments: ProblemCode.allCases)
    func `every code is told of in some answer`(_ code: ProblemCode) {
        #expect(Self.codes(in: Self.document).contains(code.rawValue))
    }

    @Test func `no answer tells of a code that there is not`() {
        let known = Set(ProblemCode.allCases.map(\.rawValue))
        #expect(Self.codes(in: Self.document).subtracting(known).isEmpty)
    }

    @Test(arguments: RouteTable.standard.routes)
    func `every path stands there with each of its methods and codes`(_ endpoint: Route) throws {
        let section = try #require(Self.section(endpoint))
        for method in endpoint.methods ?? [.get, .post, .put, .patch, .delete] where method != .head {
            #expect(section.contains("\n    \(method.rawValue.lowercased()):\n"), "\(method)")
        }
        #expect(Self.codes(in: section) == Set(endpoint.codes.map(\.rawValue)))
        #expect(section.contains("default: {$ref: '#/components/responses/Refused'}"))
    }

    @Test func `what any path may answer stands in the default answer`() throws {
        let start = try #require(Self.document.firstRange(of: "    Refused:\n"))
        let codes = Self.codes(in: String(Self.document[start.upperBound...]))
        #expect(codes == Set(ProblemCode.everywhere.map(\.rawValue) + ["not_found"]))
    }

    @Test func `every reference leads somewhere`() {
        for match in Self.document.matches(of: /'#\/components\/(\w+)\/([\w-]+)'/) {
            let kind = Self.document.components(separatedBy: "\n  \(match.output.1):\n")
            #expect(kind.count == 2, "\(match.output.1)")
            #expect(kind.last?.contains("    \(match.output.2):") == true, "\(match.output.0)")
        }
    }

    @Test(arguments: ProblemCode.allCases)
    func `titles are ASCII without quotes and backslashes (I3)`(_ code: ProblemCode) {
        let title = "\(code.title)"
        #expect(!title.isEmpty && title.utf8.allSatisfy { (0x20...0x7e).contains($0) && $0 != 0x22 && $0 != 0x5c })
        #expect(title.hasSuffix("."))
        #expect((400...599).contains(code.status))
    }

    /// What stands between this path and the next.
    private static func section(_ endpoint: Route) -> String? {
        guard let start = document.firstRange(of: "\n  \(endpoint.path):\n") else { return nil }
        let rest = document[start.upperBound...]
        let end = rest.firstRange(of: /\n(  \/|components:)/)?.lowerBound ?? rest.endIndex
        return "\n" + rest[..<end] + "\n"
    }

    private static func codes(in text: String) -> Set<String> {
        Set(text.matches(of: /x-codes: \[([^\]]*)\]/).flatMap { $0.output.1.split(separator: ", ").map(String.init) })
    }
}
