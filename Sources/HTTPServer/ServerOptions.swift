package import HTTP
package import OpenSSL

/// What a ``Server`` needs to know.
package struct ServerOptions: Sendable {
    package var listeners: [Listener]
    /// How many event loops, each on a thread of its own; at least one runs.
    package var threads: Int
    package var limits: Limits
    package var counters: ConnectionCounters
    /// What secure listeners show; without it they turn everyone away.
    package var identity: TLSIdentity?
    /// Whether answers over TLS ask browsers to come by TLS alone for a year (RFC 6797).
    package var demandsTLS = true
    /// Which peers are proxies, and what of their word counts.
    package var trust = ProxyTrust()

    /// Listening sockets that the process was given.
    package var inherited: [InheritedSocket] = []

    package init(listeners: [Listener], threads: Int, limits: Limits = Limits(), counters: ConnectionCounters) {
        self.listeners = listeners
        self.threads = threads
        self.limits = limits
        self.counters = counters
    }
}

/// One address, and which routes are reachable through it.
package struct Listener: Hashable, Sendable {
    package var address: ListenAddress
    package var role: Request.Role
    /// Whether it speaks TLS.
    package var isSecure: Bool
    /// Of a Unix socket's file.
    package var mode: UInt16 = 0o660
    /// Whether a proxy that is trusted begins every connection with a ``ProxyHeader``.
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
    /// `host` is an IPv4 or IPv6 literal without brackets, or `localhost`, which is 127.0.0.1. Port 0 takes a free one.
    case tcp(host: String, port: UInt16)
    /// The path of a Unix socket, which is made with the listener's mode and removed at the end.
    case unix(path: String)
    /// A socket that the process was given.
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
