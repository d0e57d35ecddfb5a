internal import Platform

/// Sends requests over HTTP/1.1, each on its own connection, with limits on bytes, time and redirects.
///
/// No target of the server may import this target: a URL in a token must never cause a request by the server.
package struct WebClient: Sendable {
    package var bodyByteCountMax = 1_048_576
    /// The time limit for one request with all its redirects.
    package var milliseconds: Int64 = 10_000
    package var redirectCountMax = 3
    /// Further fields of each request to the first address, each with CR LF; not sent to the target of a redirect.
    package var requestFields = ""

    package init() {}

    /// Sends a GET request and follows redirects.
    ///
    /// - Parameter etag: the tag of the cached copy; the response may then be 304.
    /// - Returns: a response that is not a redirect, with any status.
    package func get(_ address: WebAddress, etag: String? = nil) throws(FetchError) -> Answer {
        let deadline = MonotonicDeadline(milliseconds: milliseconds)
        let origin = address.authority
        var address = address
        for _ in 0...max(0, redirectCountMax) {
            let condition = etag.map { "If-None-Match: \($0)\r\n" } ?? ""
            let own = address.authority == origin ? requestFields : ""
            let answer = try ask(address, "GET", condition + own, [], by: deadline)
            guard [301, 302, 303, 307, 308].contains(answer.status) else { return answer }
            guard let location = answer.field("location") else {
                throw .status(answer.status, address: address.authority)
            }
            address = try address.redirected(to: location)
        }
        throw .redirectedTooOften
    }

    /// Sends JSON to this server only: redirects are not followed.
    package func post(_ address: WebAddress, json: [UInt8]) throws(FetchError) -> Answer {
        let fields = "Content-Type: application/json\r\nContent-Length: \(json.count)\r\n"
        return try ask(address, "POST", fields, json, by: MonotonicDeadline(milliseconds: milliseconds))
    }

    private func ask(
        _ address: WebAddress, _ method: String, _ fields: String, _ body: [UInt8], by deadline: MonotonicDeadline
    ) throws(FetchError) -> Answer {
        let connection = try Connection(to: address, by: deadline)
        let head = """
            \(method) \(address.target) HTTP/1.1\r
            Host: \(address.authority)\r
            User-Agent: martlet\r
            Accept: application/json\r
            Accept-Encoding: identity\r
            Connection: close\r
            \(fields)\r

            """
        try connection.send(Array(head.utf8) + body)
        return try connection.answer(ResponseReader(bodyByteCountMax: bodyByteCountMax))
    }
}
