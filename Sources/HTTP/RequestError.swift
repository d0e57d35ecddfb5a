/// Why the server rejected a message before routing. The connection closes after the response.
package enum RequestError: String, CaseIterable, Error, Sendable {
    case malformedRequestLine
    case versionUnsupported
    case malformedField
    case hostMissingOrRepeated
    /// Both Content-Length and Transfer-Encoding, differing or malformed lengths, or a malformed chunk (RFC 9112 §6.3,
    /// §11.2).
    case ambiguousFraming
    case codingUnsupported
    case targetTooLong
    case headTooLarge
    case bodyTooLarge
    case expectationFailed
    case headTimeout
    case bodyTimeout
    case tooManyConnections

    /// The reason for the log.
    package var reason: String {
        switch self {
        case .malformedRequestLine: "the request line is malformed"
        case .versionUnsupported: "the request line names another HTTP version than 1.0 or 1.1"
        case .malformedField: "a header field is malformed or must not be repeated"
        case .hostMissingOrRepeated: "the Host field is missing, malformed, repeated or differs from the target"
        case .ambiguousFraming: "the length of the content is ambiguous"
        case .codingUnsupported: "the transfer coding is not supported"
        case .targetTooLong: "the request target is too long"
        case .headTooLarge: "the header section is too large"
        case .bodyTooLarge: "the content is too large"
        case .expectationFailed: "the Expect field asks for something other than 100-continue"
        case .headTimeout: "the header section did not arrive in time"
        case .bodyTimeout: "the content did not arrive in time"
        case .tooManyConnections: "too many connections are open"
        }
    }

    /// The status code (RFC 9110 §15, RFC 6585 §5).
    package var status: UInt16 {
        switch self {
        case .malformedRequestLine, .malformedField, .hostMissingOrRepeated, .ambiguousFraming: 400
        case .versionUnsupported: 505
        case .codingUnsupported: 501
        case .targetTooLong: 414
        case .headTooLarge: 431
        case .bodyTooLarge: 413
        case .expectationFailed: 417
        case .headTimeout, .bodyTimeout: 408
        case .tooManyConnections: 503
        }
    }
}
