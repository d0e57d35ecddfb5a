import Foundation
import Testing

/// The files of this checkout, found from where this file was compiled.
enum Checkout {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func text(_ path: String) -> String? {
        try? String(contentsOf: root.appending(path: path), encoding: .utf8)
    }
}

/// A Swift file under `Sources`.
struct SourceFile: Sendable, CustomTestStringConvertible {
    /// Relative to the checkout, such as `Sources/Token/JWK.swift`.
    let path: String
    let lines: [String]
    private let text: String

    init(path: String, lines: [String]) {
        self.path = path
        self.lines = lines
        text = lines.joined(separator: "\n")
    }

    /// Whether one of the words occurs anywhere. In a debug build, a search for bytes takes a hundredth of the time of a
    /// regular expression, so a rule looks for its words first.
    func mentions(_ words: [String]) -> Bool { words.contains { text.hasBytes(of: $0) } }

    var target: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }
    var testDescription: String { path }

    static let all: [SourceFile] = {
        let folder = Checkout.root.appending(path: "Sources")
        let names = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
        return names.filter { $0.hasSuffix(".swift") }.sorted().map { name in
            let path = "Sources/" + name
            let lines = (Checkout.text(path) ?? "").split(separator: "\n", omittingEmptySubsequences: false)
            return SourceFile(path: path, lines: lines.map(String.init))
        }
    }()

    /// The modules that the file imports, whatever stands before and after the name.
    var imports: [String] {
        let statement =
            /^(?:@\w+(?:\(\w+\))?\s+)*(?:\w+\s+)?import\s+(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)/
        return lines.compactMap { line in line.firstMatch(of: statement).map { String($0.output.1) } }
    }
}

extension String {
    func hasBytes(of word: String) -> Bool { strstr(self, word) != nil }
}
