/// The connection through which a request came.
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
    /// The subject of the client's certificate (RFC 4514), if one was requested. Not trusted text: escape it.
    package var clientSubject: String?
    /// The user id of the peer process (SO_PEERCRED); only on the operator's Unix sockets.
    package var peerUser: UInt32?

    package init(version: Version = .http11, security: Security = .none, clientSubject: String? = nil) {
        self.version = version
        self.security = security
        self.clientSubject = clientSubject
    }
}
