import Glibc
import OpenSSL

/// One connection to a server, each operation of which ends by a deadline.
final class Connection {
    private static let chunkByteCount = 16_384

    private let address: WebAddress
    private let descriptor: Int32
    /// When the operation in progress has to be complete.
    private var deadline: Deadline
    private var session: TLSSession?
    /// Whether a byte of the response has arrived.
    private(set) var hasReceived = false

    /// Connects; over TLS, also verifies that the server's certificate is valid for the host.
    init(to address: WebAddress, by deadline: Deadline) throws(FetchError) {
        self.address = address
        self.deadline = deadline
        descriptor = try Self.connect(to: address, by: deadline)
        guard address.isSecure else { return }
        // OpenSSL writing to a closed connection must return an error, not end the process.
        signal(SIGPIPE, SIG_IGN)
        let session: TLSSession
        do {
            let context = try TLSClientContext()
            session = try context.session(
                descriptor, host: address.host, isAddress: Numeric.isV4(address.host) || Numeric.isV6(address.host))
        } catch {
            throw .tls(host: address.host, reason: "\(error)")
        }
        self.session = session
        try shakeHands(session)
    }

    deinit { close(descriptor) }

    func send(_ octets: [UInt8]) throws(FetchError) {
        var rest = octets[...]
        while !rest.isEmpty {
            let outcome = unsafe rest.withUnsafeBytes { unsafe write($0) }
            switch outcome {
            case .moved(let count): rest = rest.dropFirst(count)
            case .wantsReading: try wait(for: POLLIN)
            case .wantsWriting: try wait(for: POLLOUT)
            case .ended, .failed: throw .answer(.cutShort)
            }
        }
    }

    /// Begins another request on a connection that is kept.
    func extend(to deadline: Deadline) {
        self.deadline = deadline
        hasReceived = false
    }

    /// Reads until the response is complete.
    func answer(_ reader: ResponseReader) throws(FetchError) -> Answer {
        try answer(reader, into: nil).answer
    }

    /// Reads until the response is complete.
    ///
    /// - Parameter sink: receives the body of a response with status 200 in pieces; the body of the result is then empty.
    /// - Returns: also whether the connection can carry another request.
    func answer(
        _ reader: ResponseReader, into sink: (any ContentSink)?
    ) throws(FetchError) -> (answer: Answer, keepsConnection: Bool) {
        var reader = reader
        var chunk = [UInt8](repeating: 0, count: Self.chunkByteCount)
        while true {
            // Also limits a server that sends a few bytes at a time.
            guard !deadline.hasPassed else { throw .timedOut(address: address.authority) }
            let outcome = unsafe chunk.withUnsafeMutableBytes { unsafe read(into: $0) }
            do throws(ResponseError) {
                switch outcome {
                case .moved(let count):
                    hasReceived = true
                    try reader.take(Array(chunk.prefix(count)))
                case .ended: try reader.end()
                case .failed: throw .cutShort
                case .wantsReading, .wantsWriting: break
                }
            } catch {
                throw .answer(error)
            }
            if let sink, reader.finalStatus == 200 {
                let part = reader.takeBodyPart()
                if !part.isEmpty { try sink.take(part) }
            }
            if let answer = reader.answer { return (answer, reader.keepsConnection) }
            if outcome == .wantsReading { try wait(for: POLLIN) }
            if outcome == .wantsWriting { try wait(for: POLLOUT) }
        }
    }

    private func shakeHands(_ session: TLSSession) throws(FetchError) {
        while true {
            switch session.shakeHands() {
            case .moved: return
            case .wantsReading: try wait(for: POLLIN)
            case .wantsWriting: try wait(for: POLLOUT)
            case .ended, .failed:
                throw .tls(host: address.host, reason: session.certificateFault ?? "the handshake failed")
            }
        }
    }

    private func write(_ octets: UnsafeRawBufferPointer) -> TLSSession.Outcome {
        if let session { return unsafe session.write(octets) }
        return outcome(unsafe Glibc.send(descriptor, octets.baseAddress, octets.count, Int32(MSG_NOSIGNAL)), POLLOUT)
    }

    private func read(into octets: UnsafeMutableRawBufferPointer) -> TLSSession.Outcome {
        if let session { return unsafe session.read(into: octets) }
        return outcome(unsafe recv(descriptor, octets.baseAddress, octets.count, 0), POLLIN)
    }

    private func outcome(_ result: Int, _ direction: Int32) -> TLSSession.Outcome {
        if result > 0 { return .moved(result) }
        if result == 0 { return .ended }
        guard errno == EAGAIN || errno == EINTR else { return .failed }
        return direction == POLLIN ? .wantsReading : .wantsWriting
    }

    private func wait(for events: Int32) throws(FetchError) {
        guard Self.wait(descriptor, for: events, by: deadline) else { throw .timedOut(address: address.authority) }
    }

    private static func wait(_ descriptor: Int32, for events: Int32, by deadline: Deadline) -> Bool {
        var watched = pollfd(fd: descriptor, events: Int16(truncatingIfNeeded: events), revents: 0)
        while true {
            let ready = unsafe poll(&watched, 1, deadline.milliseconds)
            if ready > 0 { return true }
            if ready == 0 || errno != EINTR { return false }
        }
    }

    /// Connects to the first of the host's addresses that accepts; each attempt gets an equal share of the time left.
    private static func connect(to address: WebAddress, by deadline: Deadline) throws(FetchError) -> Int32 {
        let endpoints = try Resolver.endpoints(of: address, by: deadline)
        var fault = FetchError.unresolved(host: address.host, reason: "has no address")
        for (index, endpoint) in endpoints.enumerated() {
            do throws(FetchError) {
                return try connect(to: endpoint, address, by: deadline.share(of: endpoints.count - index))
            } catch {
                fault = error
            }
        }
        throw fault
    }

    private static func connect(
        to endpoint: Endpoint, _ address: WebAddress, by deadline: Deadline
    ) throws(FetchError) -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(endpoint.family, kind, 0)
        guard descriptor >= 0 else {
            throw .unreachable(address: address.authority, reason: Resolver.text(of: errno))
        }
        var code: Int32 = 0
        let status = unsafe endpoint.address.withUnsafeBytes { octets in
            guard let base = octets.baseAddress else { return Int32(-1) }
            return unsafe Glibc.connect(
                descriptor, base.assumingMemoryBound(to: sockaddr.self), socklen_t(octets.count))
        }
        if status != 0 { code = errno }
        if code == EINPROGRESS {
            guard wait(descriptor, for: POLLOUT, by: deadline) else {
                close(descriptor)
                throw .timedOut(address: address.authority)
            }
            var size = socklen_t(MemoryLayout<Int32>.size)
            unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
        }
        guard code == 0 else {
            close(descriptor)
            throw .unreachable(address: address.authority, reason: Resolver.text(of: code))
        }
        return descriptor
    }
}
