package import HTTP
package import OpenSSL

/// The configuration of a ``Server``.
package struct ServerOptions: Sendable {
    package var listeners: [Listener]
    /// The number of event loops, each on its own thread; at least one runs.
    package var threads: Int
    package var limits: Limits
    package var counters: ConnectionCounters
    /// The TLS certificate and key of secure listeners. Without it, secure listeners reject every connection.
    package var identity: TLSIdentity?
    /// Whether responses over TLS tell browsers to use only TLS for a year (RFC 6797).
    package var demandsTLS = true
    /// Which peers are trusted proxies, and which information they may supply.
    package var trust = ProxyTrust()

    /// Listening sockets that the process inherited.
    package var inherited: [InheritedSocket] = []

    package init(listeners: [Listener], threads: Int, limits: Limits = Limits(), counters: ConnectionCounters) {
        self.listeners = listeners
        self.threads = threads
        self.limits = limits
        self.counters = counters
    }
}

/// One listen address and the routes that are available there.
package struct Listener: Hashable, Sendable {
    package var address: ListenAddress
    package var role: Request.Role
    /// Whether it uses TLS.
    package var isSecure: Bool
    /// The file mode of a Unix socket.
    package var mode: UInt16 = 0o660
    /// Whether a trusted proxy begins every connection with a ``ProxyHeader``.
    package var usesProxyProtocol: Bool

    package init(
        address: ListenAddress, role: Request.Role, isSecure: Bool = false, usesProxyProtocol: Bool = false
    ) {
        self.address = address
        self.role = role
        self.isSecure = isSecure
        self.usesProxyProtocol = usesProxyProtocol
    }
}

package enum ListenAddress: Hashable, Sendable {
    /// An IPv4 or IPv6 literal without brackets, or `localhost`, which is 127.0.0.1. Port 0 selects a free port.
    case tcp(host: String, port: UInt16)
    /// The path of a Unix socket, which is created with the mode of the listener and removed at the end.
    case unix(path: String)
    /// An inherited socket.
    case inherited(name: String)
}

extension ListenAddress: CustomStringConvertible {
    package var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        case .inherited(let name): "fd:\(name)"
        }
    }
}
