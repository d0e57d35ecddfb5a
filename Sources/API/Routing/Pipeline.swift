import Encoding
import HTTP
import Revocation
import Service

/// The steps of a request: match → access → policy → handler → finish. The router matches the path; ``Application``
/// finishes.
extension Application {
    /// - Throws: what a step rejects the request with.
    func run(
        _ request: borrowing Request, _ response: inout Response, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        guard let endpoint = call.endpoint else {
            guard Self.isServerWide(request) else { throw Self.missing(request) }
            response.status = 204
            response.addLines("Allow: GET, HEAD, POST, OPTIONS\r\n")
            return .answered
        }
        if try !admit(request, endpoint) {
            response.status = 204
            response.addField("Allow", endpoint.allowed(inBrowserMode: shared.browser != nil).utf8)
            if call.crossOrigin.place != nil { addPreflight(request, endpoint, &response) }
            return .answered
        }
        return try routes.routes[endpoint.row].handle(self, request, &response, exchange, call)
    }

    /// All steps before the handler.
    ///
    /// - Returns: false for a request that asks which methods there are.
    func admit(_ request: borrowing Request, _ endpoint: Endpoint) throws(Problem) -> Bool {
        guard !endpoint.access.needsBrowserMode || shared.browser != nil else { throw Self.missing(request) }
        if request.method == .options, !endpoint.methods.isEvery { return false }
        try checkMethod(request, endpoint)
        if let followed = shared.authState.followed, !endpoint.policies.contains(.onFollowers) {
            throw Problem(.notHere, "Ask \(followed.home).")
        }
        try checkAccess(request, endpoint)
        try applyPolicies(request, endpoint)
        return true
    }

    private func checkMethod(_ request: borrowing Request, _ endpoint: Endpoint) throws(Problem) {
        let methods = endpoint.methods(inBrowserMode: shared.browser != nil)
        guard !methods.contains(request.method) else { return }
        throw Problem(request.method == .other ? .methodUnknown : .methodNotAllowed)
    }

    private func checkAccess(_ request: borrowing Request, _ endpoint: Endpoint) throws(Problem) {
        switch endpoint.access {
        case .anyone, .client, .bearer, .browser, .pageFile, .page: return
        case .operatorSocket: guard request.peer == .local else { throw Problem(.notFound) }
        }
    }

    private func applyPolicies(_ request: borrowing Request, _ endpoint: Endpoint) throws(Problem) {
        guard !request.query.isEmpty, !endpoint.policies.contains(.ownQuery) else { return }
        guard !Query.carriesToken(request) else {
            throw Problem(.tokenInURL, "Send it in the Authorization header or the body.")
        }
    }

    /// Whether the media type of the content that a request announces is one that the endpoint reads.
    func checkContent(_ request: borrowing Request, _ endpoint: Endpoint) throws(Problem) {
        guard let accepted = endpoint.content else { return }
        let type = try Parameters.contentType(request, accepted)
        guard type != nil || !Self.announcesContent(request) else {
            throw Problem(.unsupportedMediaType, accepted.expected)
        }
    }

    static func missing(_ request: borrowing Request) -> Problem {
        request.method == .other ? Problem(.methodUnknown) : Problem(.notFound)
    }

    /// `OPTIONS *` asks about the server as a whole (RFC 9110 §9.3.7), and a probe such as HAProxy's plain
    /// `option httpchk` sends `OPTIONS /`.
    private static func isServerWide(_ request: borrowing Request) -> Bool {
        request.method == .options && (request.isEqual(request.path, "*") || request.isEqual(request.path, "/"))
    }

    /// Whether content of a known length follows the head.
    private static func announcesContent(_ request: borrowing Request) -> Bool {
        guard let length = request.field("content-length") else { return false }
        return request.bytes[length].contains { $0 != UInt8(ascii: "0") }
    }
}
