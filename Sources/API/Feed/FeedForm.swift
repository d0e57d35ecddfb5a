import HTTP

/// The forms in which the feed is served.
enum FeedForm: CaseIterable, Sendable {
    case json, events, records

    var type: String {
        switch self {
        case .json: "application/json"
        case .events: "text/event-stream"
        case .records: "application/vnd.martlet.records"
        }
    }

    var contentType: StaticString {
        switch self {
        case .json: "Content-Type: application/json\r\n"
        case .events: "Content-Type: text/event-stream\r\nX-Accel-Buffering: no\r\n"
        case .records: "Content-Type: application/vnd.martlet.records\r\n"
        }
    }

    /// Returns the form that `Accept` prefers (RFC 9110 §12.5.1); JSON for a client that does not say, or accepts none
    /// of them.
    ///
    /// - Parameter accept: the values of all `Accept` fields.
    static func preferred(_ accept: [String]) -> FeedForm {
        var best: (form: FeedForm, weight: Int)?
        for range in accept.flatMap({ $0.split(separator: ",") }) {
            let parts = range.split(separator: ";").map { $0.trimmed.lowercased() }
            guard let name = parts.first, let form = form(of: name) else { continue }
            let weight = weight(parts.dropFirst())
            if weight > best?.weight ?? 0 { best = (form, weight) }
        }
        return best?.form ?? .json
    }

    private static func form(of range: String) -> FeedForm? {
        range == "*/*" || range == "application/*" ? .json : allCases.first { $0.type == range }
    }

    /// The `q` in thousandths; 0 for one that is malformed.
    private static func weight(_ parameters: ArraySlice<String>) -> Int {
        guard let text = parameters.first(where: { $0.hasPrefix("q=") })?.dropFirst(2) else { return 1_000 }
        guard text.utf8.count <= 5, let value = Double(text), (0...1).contains(value) else { return 0 }
        return Int(value * 1_000)
    }
}
