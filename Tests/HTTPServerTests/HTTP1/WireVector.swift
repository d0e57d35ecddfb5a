import Foundation
import Testing

/// One case of the outside suites in Tests/Vectors/http1-*.
struct WireVector: Decodable, CustomTestStringConvertible {
    var id: String
    var raw: Data
    var verdict: String
    var error: String?
    /// gunicorn: how many messages it holds.
    var requests: Int?
    /// gunicorn: the verdict holds only under these.
    var settings: [String]?
    /// llhttp: `request` is the strict one.
    var mode: String?
    /// llhttp: how many messages were complete before the fault.
    var completeCount: Int?

    private enum CodingKeys: String, CodingKey {
        case id
        case raw = "raw_b64"
        case verdict
        case error
        case requests
        case settings = "only_under_settings"
        case mode = "parser_mode"
        case completeCount = "messages_complete"
    }

    var testDescription: String { id }
    var bytes: [UInt8] { Array(raw) }

    static func load(_ suite: String) throws -> [WireVector] {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let data = try Data(contentsOf: tests.appendingPathComponent("Vectors/\(suite)/cases.json"))
        return try JSONDecoder().decode([WireVector].self, from: data)
    }

    static var gunicorn: [WireVector] {
        get throws { try load("http1-gunicorn").filter { $0.settings?.isEmpty ?? true } }
    }

    static var llhttp: [WireVector] {
        get throws { try load("http1-llhttp").filter { $0.mode == "request" } }
    }
}
