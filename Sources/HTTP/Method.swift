/// The request methods that the server distinguishes (RFC 9110 §9.3); every other token is ``other``.
package enum Method: String, CaseIterable, Sendable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case delete = "DELETE"
    case options = "OPTIONS"
    case patch = "PATCH"
    case trace = "TRACE"
    case connect = "CONNECT"
    case other = ""

    /// Method names are case-sensitive (RFC 9110 §9.1): `get` is ``other``.
    package init(_ name: Span<UInt8>) {
        for method in Self.allCases where method.matches(name) {
            self = method
            return
        }
        self = .other
    }

    private func matches(_ name: Span<UInt8>) -> Bool {
        let spelled = rawValue.utf8
        guard spelled.count == name.count, !name.isEmpty else { return false }
        return zip(spelled, name.indices).allSatisfy { letter, index in letter == name[index] }
    }
}
