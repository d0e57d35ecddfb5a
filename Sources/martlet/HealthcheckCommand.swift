import Assembly
import Engine
import Glibc
import OpenSSL

/// `martlet healthcheck`: one `GET /healthz` to the first listener of the configuration, for containers without curl.
enum HealthcheckCommand {
    static let usage = """
        usage: martlet healthcheck [--listen ADDRESS]

        Asks the service at the first address of --listen or MARTLET_LISTEN for /healthz, and waits 5 seconds at most.
        Over TLS (https:// in front) it shows no certificate and checks none. An address with proxy+ in front has to trust
        the one it is asked from; one that was inherited (fd:name) cannot be asked.
        Ends with 0 when the answer is 200, with 1 otherwise.

        """

    static func run(_ words: [String]) -> Int32 {
        let address: ListenText
        do {
            let arguments = try Arguments(words, options: [.value(Setting.listen.flag)])
            let texts = arguments.value(Setting.listen.flag) ?? Environment.values[Setting.listen.rawValue]
            guard let first = ListenText(first: texts ?? Setting.listen.defaultText) else {
                Terminal.writeError("martlet healthcheck: no address to ask\n")
                return 2
            }
            address = first
        } catch {
            guard error != .helpWanted else {
                Terminal.write(usage)
                return 0
            }
            Terminal.writeError("martlet healthcheck: \(error)\n")
            return 2
        }
        let answer = Probe.ask(address, secondsMax: 5)
        guard let answer, answer.hasPrefix("HTTP/1.1 200 ") else {
            Terminal.writeError("martlet healthcheck: \(answer == nil ? "no answer" : "not 200")\n")
            return 1
        }
        return 0
    }
}

/// One request over a socket of its own.
enum Probe {
    /// - Returns: the beginning of the answer; `nil` when nothing answers in time.
    static func ask(_ address: ListenText, secondsMax: Int) -> String? {
        guard let connection = connect(address, secondsMax: secondsMax) else { return nil }
        defer { close(connection) }
        let request = Array("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
        if address.isIntroduced {
            let introduction = Array("PROXY UNKNOWN\r\n".utf8)
            let sent = unsafe send(connection, introduction, introduction.count, Int32(MSG_NOSIGNAL))
            guard sent == introduction.count else { return nil }
        }
        if address.isSecure {
            signal(SIGPIPE, SIG_IGN)
            let answer = TLSProbe.ask(request, over: connection, byteCountMax: 512)
            return answer.map { String(decoding: $0, as: UTF8.self) }
        }
        guard unsafe send(connection, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else { return nil }
        var answer = [UInt8](repeating: 0, count: 512)
        let count = unsafe recv(connection, &answer, answer.count, 0)
        return count > 0 ? String(decoding: answer[..<count], as: UTF8.self) : nil
    }

    private static func connect(_ address: ListenText, secondsMax: Int) -> Int32? {
        switch address.place {
        case .inherited: return nil
        case .unix(let path, _):
            var name = sockaddr_un()
            name.sun_family = sa_family_t(AF_UNIX)
            let octets = Array(path.utf8)
            unsafe withUnsafeMutableBytes(of: &name.sun_path) { buffer in
                for (index, octet) in octets.enumerated() where index < buffer.count - 1 {
                    unsafe buffer[index] = octet
                }
            }
            return unsafe withUnsafePointer(to: &name) { pointer in
                unsafe connect(AF_UNIX, UnsafeRawPointer(pointer), MemoryLayout<sockaddr_un>.size, secondsMax)
            }
        case .tcp(let host, let port):
            return unsafe resolve(host, port) { family, pointer, size in
                unsafe connect(family, pointer, size, secondsMax)
            }
        }
    }

    /// An address that listens everywhere is asked on loopback.
    private static func resolve(
        _ host: String, _ port: UInt16, _ body: (Int32, UnsafeRawPointer, Int) -> Int32?
    ) -> Int32? {
        let host = host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "::1" : host
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, String(port), &hints, &found) == 0, let first = unsafe found else { return nil }
        defer { unsafe freeaddrinfo(first) }
        guard let name = unsafe first.pointee.ai_addr else { return nil }
        return unsafe body(first.pointee.ai_family, UnsafeRawPointer(name), Int(first.pointee.ai_addrlen))
    }

    private static func connect(_ family: Int32, _ name: UnsafeRawPointer, _ size: Int, _ secondsMax: Int) -> Int32? {
        let connection = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard connection >= 0 else { return nil }
        var limit = timeval(tv_sec: secondsMax, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            unsafe setsockopt(connection, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        let target = unsafe name.assumingMemoryBound(to: sockaddr.self)
        guard unsafe Glibc.connect(connection, target, socklen_t(size)) == 0 else {
            close(connection)
            return nil
        }
        return connection
    }
}
