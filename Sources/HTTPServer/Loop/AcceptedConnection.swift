import HTTP

/// A connection that was just accepted.
struct AcceptedConnection: Sendable {
    var transport: Transport
    var peer: PeerAddress
    var role: Request.Role
    /// Whether TLS precedes the first message.
    var isSecure: Bool
    /// Whether a PROXY protocol header precedes everything else.
    var usesProxyProtocol: Bool
    /// The same as ``Channel/peerUser``.
    var peerUser: UInt32?
}
