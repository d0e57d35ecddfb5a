import App
import Glibc
import OpenSSL
import Platform

/// Why a service did not respond.
enum ProbeError: Error, Equatable, CustomStringConvertible {
    case cannotBeAsked
    case unreachable(Int32)
    case timedOut
    /// The connection was closed without a response.
    case silent(usesProxyProtocol: Bool)
    /// The service does not use TLS, or it requires a client certificate.
    case handshake

    var description: String {
        switch self {
        case .cannotBeAsked: "an inherited socket or an unknown port cannot be reached"
        case .unreachable(ENOENT), .unreachable(ECONNREFUSED): "no service listens there"
        case .unreachable(let code): FileErrorText.message(of: code)
        case .timedOut: "no answer within 5 seconds"
        case .silent(usesProxyProtocol: true):
            "the service closed the connection without an answer. Does MARTLET_TRUSTED_PROXIES cover this machine?"
        case .silent(usesProxyProtocol: false): "the service closed the connection without an answer"
        case .handshake: "no answer over TLS. Does the address speak TLS, and without a client's certificate?"
        }
    }
}

/// Sends one request over a new connection.
enum Probe {
    /// Sends a request.
    ///
    /// - Returns: the first line of the response.
    static func ask(_ address: ListenAddressSpec, path: String, secondsMax: Int64) throws(ProbeError) -> String {
        let request = Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
        let proxyHeader = address.usesProxyProtocol ? Array("PROXY UNKNOWN\r\n".utf8) : []
        do throws(StreamError) {
            let socket = try connect(address, milliseconds: secondsMax * 1_000)
            guard !address.isSecure else {
                try socket.send(proxyHeader)
                guard let answer = overTLS(request, socket, secondsMax) else { throw .ended }
                return line(answer)
            }
            try socket.send(proxyHeader + request)
            var answer: [UInt8] = []
            while !answer.contains(UInt8(ascii: "\n")), answer.count < 512 {
                let part = try socket.receive(countMax: 512)
                guard !part.isEmpty else { throw .ended }
                answer += part
            }
            return line(answer)
        } catch {
            switch error {
            case .unreachable(EDESTADDRREQ): throw .cannotBeAsked
            case .unreachable(let code): throw .unreachable(code)
            case .timedOut: throw .timedOut
            case .ended where address.isSecure && !address.usesProxyProtocol: throw .handshake
            case .ended: throw .silent(usesProxyProtocol: address.usesProxyProtocol)
            }
        }
    }

    /// Returns the loopback address for an unspecified listen address.
    static func reachable(_ host: String) -> String {
        switch host {
        case "0.0.0.0", "localhost": "127.0.0.1"
        case "::": "::1"
        default: host
        }
    }

    private static func line(_ answer: [UInt8]) -> String {
        String(decoding: answer.prefix { $0 != 0x0d && $0 != 0x0a }, as: UTF8.self)
    }

    /// Sends the request over TLS. OpenSSL itself reads and writes, so the socket is blocking from here on, with a time
    /// limit per operation.
    private static func overTLS(_ request: [UInt8], _ socket: StreamSocket, _ secondsMax: Int64) -> [UInt8]? {
        signal(SIGPIPE, SIG_IGN)
        let flags = fcntl(socket.descriptor, F_GETFL)
        guard flags >= 0, fcntl(socket.descriptor, F_SETFL, flags & ~O_NONBLOCK) == 0 else { return nil }
        var limit = timeval(tv_sec: Int(secondsMax), tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            unsafe setsockopt(socket.descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        return TLSProbe.ask(request, over: socket.descriptor, byteCountMax: 512)
    }

    private static func connect(_ address: ListenAddressSpec, milliseconds: Int64) throws(StreamError) -> StreamSocket {
        switch address.place {
        case .inherited: throw .unreachable(EDESTADDRREQ)
        case .unix(let path, _): return try StreamSocket(unix: path, milliseconds: milliseconds)
        case .tcp(let host, let port):
            guard port != 0 else { throw .unreachable(EDESTADDRREQ) }
            var hints = unsafe addrinfo()
            unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
            var found: UnsafeMutablePointer<addrinfo>?
            guard unsafe getaddrinfo(reachable(host), String(port), &hints, &found) == 0, let first = unsafe found
            else {
                throw .unreachable(EADDRNOTAVAIL)
            }
            defer { unsafe freeaddrinfo(first) }
            guard let name = unsafe first.pointee.ai_addr else { throw .unreachable(EADDRNOTAVAIL) }
            let bytes = unsafe Array(UnsafeRawBufferPointer(start: name, count: Int(first.pointee.ai_addrlen)))
            return try StreamSocket(
                family: unsafe first.pointee.ai_family, address: bytes, milliseconds: milliseconds)
        }
    }
}
