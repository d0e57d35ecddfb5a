import App
import HTTP
import HTTPServer

extension Limits {
    /// The limits of the HTTP server, from the settings.
    init(_ settings: LimitSettings) {
        self.init()
        headDeadline = .seconds(settings.headTimeout)
        bodyDeadline = .seconds(settings.bodyTimeout)
        idleDeadline = .seconds(settings.idleTimeout)
        writeDeadline = .seconds(settings.writeTimeout)
        drainNotice = .seconds(settings.drainDelay)
        drainDeadline = .seconds(settings.drainTimeout)
        connectionsMax = settings.connections
        connectionsPerSourceMax = settings.connectionsPerSource
        streamsMax = settings.http2Streams
        requestsPerConnectionMax = settings.requestsPerConnection
        handshakesMax = settings.tlsHandshakes
        bufferByteCountMax = settings.bufferMemory
        rateMin = settings.rateMin
    }
}

extension ListenAddressSpec {
    /// Returns the address for the HTTP server.
    func listener(_ role: Request.Role) -> Listener {
        let address: ListenAddress =
            switch place {
            case .tcp(let host, let port): .tcp(host: host, port: port)
            case .unix(let path, _): .unix(path: path)
            case .inherited(let name): .inherited(name: name)
            }
        var listener = Listener(address: address, role: role, isSecure: isSecure, usesProxyProtocol: usesProxyProtocol)
        if case .unix(_, let mode) = place { listener.mode = mode }
        return listener
    }
}
