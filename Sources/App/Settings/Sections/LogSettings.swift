package import Telemetry

extension Setting {
    package static let log = Setting(
        "MARTLET_LOG", .choice(["json", "text"]), default: "json", "form of the log on stderr")
    package static let logLevel = Setting(
        "MARTLET_LOG_LEVEL", .choice(Log.Level.allCases.map { "\($0.name)" }), default: "info",
        "lowest level that is logged")
    package static let accessLog = Setting(
        "MARTLET_ACCESS_LOG", .text, default: "off",
        "where a line about each request goes: off, stderr, stdout or a path")
    package static let accessLogSample = Setting(
        "MARTLET_ACCESS_LOG_SAMPLE", .share, default: "1", "share of the requests that get a line",
        note: "responses from 500 on always do")
}

/// What is logged, and where.
package struct LogSettings: Sendable {
    static let settings: [Setting] = [.log, .logLevel, .accessLog, .accessLogSample]

    package let form: Log.Form
    package let level: Log.Level
    /// Nil for no access log.
    package let accessLog: AccessLogTarget?
    /// 0 to 1.
    package let accessLogShare: Double

    init(_ reader: inout SettingsReader) {
        form = reader.choice(.log, Log.Form.init(rawValue:), otherwise: .json)
        level = reader.choice(
            .logLevel, { text in Log.Level.allCases.first { "\($0.name)" == text } }, otherwise: .info)
        accessLog = Self.target(&reader)
        accessLogShare = reader.share(.accessLogSample)
    }

    private static func target(_ reader: inout SettingsReader) -> AccessLogTarget? {
        let text = reader.text(.accessLog)
        switch text {
        case "off": return nil
        case "stdout": return .standardOutput
        case "stderr": return .standardError
        default:
            // A mistyped word must not become the name of a file.
            if !text.contains("/") || text.hasSuffix("/") || text.utf8.contains(0) {
                reader.complain(.accessLog, "off, stderr, stdout or a path that contains a slash")
            }
            return .file(path: text)
        }
    }
}
