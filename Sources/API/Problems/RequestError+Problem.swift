import HTTP

extension ProblemCode {
    init(_ fault: RequestError) {
        switch fault {
        case .malformedRequestLine, .malformedField, .hostMissingOrRepeated, .ambiguousFraming: self = .messageMalformed
        case .versionUnsupported: self = .versionUnsupported
        case .codingUnsupported: self = .codingUnsupported
        case .targetTooLong: self = .targetTooLong
        case .headTooLarge: self = .headTooLarge
        case .bodyTooLarge: self = .bodyTooLarge
        case .expectationFailed: self = .expectationFailed
        case .headTimeout, .bodyTimeout: self = .requestTimeout
        case .tooManyConnections: self = .tooManyConnections
        }
    }
}
