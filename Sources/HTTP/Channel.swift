/// What a request came through.
package struct Channel: Equatable, Sendable {
    package enum Version: UInt8, Sendable {
        case http10, http11, http2

        package var name: StaticString {
            switch self {
            case .http10: "http/1.0"
            case .http11: "http/1.1"
            case .http2: "h2"
            }
        }
    }

    package enum Security: UInt8, Sendable {
        case none, tls12, tls13
    }

    package var version: Version
    package var security: Security
    /// Whom the client's certificate names (RFC 4514), where one was asked for. Not our text: escape it.
    package var clientSubject: String?
    /// The user id of the process at the other end (SO_PEERCRED); on Unix sockets of the operator only.
    package var peerUser: UInt32?

    package init(version: Version = .http11, security: Security = .none, clientSubject: String? = nil) {
        self.version = version
        self.security = security
        self.clientSubject = clientSubject
    }
}
