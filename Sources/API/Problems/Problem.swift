import Encoding
import HTTP
import Revocation
import Telemetry

/// One error: what the caller reads, and what the log reads.
struct Problem: Error {
    let code: ProblemCode
    /// For the caller: what was wrong with this request. Fixed texts, and names that ``MemberNames/quoted(_:)`` lets pass: no
    /// value that a client sent comes back.
    var detail: String?
    /// For the log.
    var reason: String?
    /// Every rule that was broken; empty if the code says all.
    var reasons: [String] = []
    /// Seconds.
    var retryAfter: Int64?
    /// Needed scopes, for the challenge of RFC 6750 §3.1.
    var scope: String?
    /// The maximum seconds since the login, for the challenge of RFC 9470 §3.
    var ageMax: Int64?
    /// A different status than the code's own: the OAuth token endpoint says 400 where bearer routes say 401 (RFC 6749 §5.2).
    var statusOverride: UInt16?
    /// Whether the answer also clears the cookies of the browser, because they are worth nothing.
    var clearsCookies = false
    /// The position that the request waits for, if it may be reached soon.
    var awaited: WantedPosition?
    /// Whether the request has more cookies than are read, which a page says in its own words.
    var hasTooManyCookies = false

    init(
        _ code: ProblemCode, _ detail: String? = nil, reason: String? = nil, retryAfter: Int64? = nil,
        scope: String? = nil
    ) {
        self.code = code
        self.detail = detail
        self.reason = reason
        self.retryAfter = retryAfter
        self.scope = scope
    }

    var status: UInt16 { statusOverride ?? code.status }

    /// Writes the whole answer (RFC 9457 §3), replacing what `response` held.
    ///
    /// - Parameter isOAuth: also say `error` and `error_description` (RFC 6749 §5.2).
    func write(to response: inout Response, requestID: RequestID, isOAuth: Bool) {
        let closes = response.closesConnection
        response.reset()
        response.closesConnection = closes
        response.status = status
        response.addLines("Content-Type: application/problem+json\r\nCache-Control: no-store\r\n")
        writeFields(to: &response)
        writeBody(to: &response.body, requestID: requestID, isOAuth: isOAuth)
    }

    /// Writes the header fields that do not depend on the form of the content.
    func writeFields(to response: inout Response) {
        writeChallenge(to: &response)
        if let retryAfter { response.addField("Retry-After", String(retryAfter).utf8) }
    }

    private func writeChallenge(to response: inout Response) {
        switch (status, code) {
        case (401, .clientInvalid):
            response.addLines("WWW-Authenticate: Basic realm=\"martlet\", charset=\"UTF-8\"\r\n")
        case (401, .authTooOld):
            let ageMax = ageMax.map { ", max_age=\"\($0)\"" } ?? ""
            response.addField(
                "WWW-Authenticate",
                "Bearer realm=\"martlet\", error=\"insufficient_user_authentication\", error_description=\"\(code.title)\"\(ageMax)"
                    .utf8)
        case (401, _) where code.isAboutToken:
            response.addLines("WWW-Authenticate: Bearer realm=\"martlet\", error=\"invalid_token\"\r\n")
        case (401, _):
            response.addLines("WWW-Authenticate: Bearer realm=\"martlet\"\r\n")
        case (403, .scopeInsufficient):
            let needed = scope.map { ", scope=\"\($0)\"" } ?? ""
            response.addField(
                "WWW-Authenticate", "Bearer realm=\"martlet\", error=\"insufficient_scope\"\(needed)".utf8)
        default:
            break
        }
    }

    private func writeBody(to body: inout [UInt8], requestID: RequestID, isOAuth: Bool) {
        body.append("{\"type\":\"urn:martlet:problem:")
        body.append(contentsOf: code.rawValue.utf8)
        body.append("\",\"title\":\"")
        body.append(code.title)
        body.append("\",\"status\":")
        body.append(decimal: Int64(status))
        body.append(",\"code\":\"")
        body.append(contentsOf: code.rawValue.utf8)
        if let detail {
            // Whatever a detail quotes stays within its string; what follows brings the closing quote.
            var writer = JSONWriter()
            writer.string(detail)
            body.append("\",\"detail\":")
            body.append(contentsOf: writer.bytes.dropLast())
        }
        body.append("\"")
        if !reasons.isEmpty {
            var writer = JSONWriter()
            writer.beginArray()
            for reason in reasons { writer.string(reason) }
            writer.endArray()
            body.append(",\"reasons\":")
            body.append(contentsOf: writer.bytes)
        }
        body.append(",\"request_id\":\"")
        requestID.write(to: &body)
        if isOAuth {
            body.append("\",\"error\":\"")
            body.append(code.oauthError)
            body.append("\",\"error_description\":\"")
            body.append(code.title)
        }
        body.append("\"}")
    }
}
