internal import Platform

/// Receives the body of a response while it arrives.
package protocol ContentSink: AnyObject {
    /// - Throws: to end the request and its connection.
    func take(_ part: [UInt8]) throws(FetchError)
}

/// Sends GET requests to one server, one after the other, over a connection that stays open between them.
///
/// It asks this server only: redirects are not followed. One thread uses it.
package final class KeptClient {
    /// What a response may need, for one request.
    package struct Limits: Sendable {
        package var bodyByteCountMax = 1_048_576
        /// The time limit in milliseconds from connecting to the last byte.
        package var milliseconds: Int64 = 10_000

        package init(bodyByteCountMax: Int = 1_048_576, milliseconds: Int64 = 10_000) {
            self.bodyByteCountMax = bodyByteCountMax
            self.milliseconds = milliseconds
        }
    }

    /// The limit for the content of an error.
    private static let errorByteCountMax = 65_536

    package let address: WebAddress
    private let credentials: BasicCredentials?
    private var connection: Connection?

    /// - Parameter address: the server; its path is not used.
    package init(_ address: WebAddress, credentials: BasicCredentials? = nil) {
        self.address = address
        self.credentials = credentials
    }

    /// Whether a connection is open that can carry the next request.
    package var isConnected: Bool { connection != nil }

    /// Closes the connection.
    package func close() { connection = nil }

    /// Sends a GET request.
    ///
    /// A server may close a connection that was idle, so a request that fails on a kept one is sent once more on a new
    /// one.
    ///
    /// - Parameters:
    ///   - target: path and query, beginning with a slash.
    ///   - fields: further header fields; neither names nor values may have line breaks.
    ///   - isPrivate: whether to send the credentials.
    ///   - sink: receives the body of a response with status 200 in pieces; the body of the result is then empty.
    /// - Returns: a response with any status.
    package func get(
        _ target: String, accept: String, fields: [(name: String, value: String)] = [], isPrivate: Bool = true,
        _ limits: Limits = Limits(), into sink: (any ContentSink)? = nil
    ) throws(FetchError) -> Answer {
        let message = request(target, accept, fields, isPrivate)
        let deadline = MonotonicDeadline(milliseconds: limits.milliseconds)
        if let kept = connection {
            connection = nil
            kept.extend(to: deadline)
            do throws(FetchError) {
                return try exchange(message, kept, limits, sink)
            } catch {
                // The server may have closed the connection before the request arrived.
                guard case .answer(.cutShort) = error, !kept.hasReceived else { throw error }
            }
        }
        return try exchange(message, try Connection(to: address, by: deadline), limits, sink)
    }

    private func exchange(
        _ message: [UInt8], _ connection: Connection, _ limits: Limits,
        _ sink: (any ContentSink)?
    ) throws(FetchError) -> Answer {
        try connection.send(message)
        let reader = ResponseReader(
            bodyByteCountMax: limits.bodyByteCountMax, errorByteCountMax: Self.errorByteCountMax)
        let (answer, keeps) = try connection.answer(reader, into: sink)
        if keeps { self.connection = connection }
        return answer
    }

    private func request(
        _ target: String, _ accept: String, _ fields: [(name: String, value: String)], _ isPrivate: Bool
    ) -> [UInt8] {
        var head = """
            GET \(target) HTTP/1.1\r
            Host: \(address.authority)\r
            User-Agent: martlet\r
            Accept: \(accept)\r
            Accept-Encoding: identity\r

            """
        if isPrivate, let credentials { head += "Authorization: \(credentials.field)\r\n" }
        for (name, value) in fields { head += "\(name): \(value)\r\n" }
        return Array((head + "\r\n").utf8)
    }
}
