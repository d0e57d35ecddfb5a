import HTTP
import Octets

/// What a request's query may say.
struct Query {
    private let form: URLEncodedForm?

    /// - Throws: `request_malformed` for a query that is not a form, or that names one of `known` twice.
    init(_ request: borrowing Request) throws(Problem) {
        guard !request.query.isEmpty else {
            form = nil
            return
        }
        do {
            form = try URLEncodedForm(request.octets(request.query))
        } catch {
            throw Problem(.requestMalformed, "The query is not a form.", reason: "\(error)")
        }
    }

    func text(_ name: String) throws(Problem) -> String? {
        switch form?.value(name) ?? .absent {
        case .absent: return nil
        case .one(let text): return text.isEmpty ? nil : text
        case .repeated: throw Problem(.requestMalformed, "A query member was sent twice.")
        }
    }

    /// Whether a query names a token, or holds what looks like one (J2): URLs end up in logs and histories.
    static func carriesToken(_ request: borrowing Request) -> Bool {
        guard let form = try? URLEncodedForm(request.octets(request.query)) else { return false }
        let names: Set<String> = ["token", "access_token", "refresh_token", "id_token"]
        return form.pairs.contains { name, value in names.contains(name) || looksLikeToken(value) }
    }

    private static func looksLikeToken(_ value: String) -> Bool {
        value.hasPrefix("eyJ") && value.utf8.count(where: { $0 == UInt8(ascii: ".") }) >= 2
    }
}
