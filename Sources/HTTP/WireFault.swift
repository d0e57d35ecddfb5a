/// Why the engine could not take a message. The connection closes after the answer.
package enum WireFault: String, CaseIterable, Error, Sendable {
    case malformedRequestLine
    case versionUnsupported
    case malformedField
    case hostMissingOrRepeated
    /// Both framings, differing or malformed lengths, or a malformed chunk: RFC 9112 §6.3, §11.2.
    case ambiguousFraming
    case codingUnsupported
    case targetTooLong
    case headTooLarge
    case bodyTooLarge
    case expectationFailed
    case headTimeout
    case bodyTimeout
    case tooManyConnections

    /// RFC 9110 §15, RFC 6585 §5.
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
