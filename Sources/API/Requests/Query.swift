import Encoding
import HTTP

/// The pairs of a request's query.
struct Query {
    private(set) var pairs: [(name: String, value: String)]

    /// - Throws: `request_malformed` for a query that is not a form.
    init(_ request: borrowing Request) throws(Problem) {
        guard !request.query.isEmpty else {
            pairs = []
            return
        }
        do {
            pairs = try URLEncodedForm(request.bytes(request.query)).pairs
        } catch {
            throw Problem(.requestMalformed, "The query is not a form.", reason: "\(error)")
        }
    }

    /// Removes the pairs of these names and returns them, in their order.
    mutating func take(among names: Set<String>) -> [(name: String, value: String)] {
        let taken = pairs.filter { names.contains($0.name) }
        if !taken.isEmpty { pairs.removeAll { names.contains($0.name) } }
        return taken
    }

    /// Removes the pairs of a name and returns their values.
    mutating func take(_ name: String) -> [String] {
        let values = pairs.filter { $0.name == name }.map(\.value)
        pairs.removeAll { $0.name == name }
        return values
    }

    /// Rejects any query, for endpoints whose parameters are in the content: a parameter must not be ignored silently.
    static func refuseAny(_ request: borrowing Request) throws(Problem) {
        guard !request.query.isEmpty, let first = try Query(request).pairs.first else { return }
        throw Problem(
            .requestMalformed,
            "Send parameters in the content, not in the query: \(MemberNames.quoted(first.name.utf8)).")
    }

    /// Whether a query names a token, or contains what looks like one. URLs end up in logs and histories.
    static func carriesToken(_ request: borrowing Request) -> Bool {
        guard let form = try? URLEncodedForm(request.bytes(request.query)) else { return false }
        let names: Set<String> = ["token", "access_token", "refresh_token", "id_token"]
        return form.pairs.contains { name, value in names.contains(name) || looksLikeToken(value) }
    }

    private static func looksLikeToken(_ value: String) -> Bool {
        value.hasPrefix("eyJ") && value.utf8.count(where: { $0 == UInt8(ascii: ".") }) >= 2
    }
}
