import Glibc
import OpenSSL
import Platform

/// One connection to a server, each operation of which ends by a deadline.
final class Connection {
    private static let chunkByteCount = 16_384

    private let address: WebAddress
    private let descriptor: Int32
    /// When the operation in progress has to be complete.
    private var deadline: MonotonicDeadline
    private var session: TLSSession?
    /// Whether a byte of the response has arrived.
    private(set) var hasReceived = false

    /// Connects; over TLS, also verifies that the server's certificate is valid for the host.
    init(to address: WebAddress, by deadline: MonotonicDeadline) throws(FetchError) {
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
                descriptor, host: address.host,
                isAddress: NumericAddress.isV4(address.host) || NumericAddress.isV6(address.host))
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
    func extend(to deadline: MonotonicDeadline) {
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
        guard SocketDialer.wait(descriptor, for: events, milliseconds: deadline.milliseconds) else {
            throw .timedOut(address: address.authority)
        }
    }

    private static func connect(to address: WebAddress, by deadline: MonotonicDeadline) throws(FetchError) -> Int32 {
        do throws(DialError) {
            return try SocketDialer.connect(to: address.host, port: address.port, by: deadline)
        } catch {
            switch error {
            case .unresolved(let reason): throw .unresolved(host: address.host, reason: reason)
            case .unreachable: throw .unreachable(address: address.authority, reason: error.description)
            case .timedOut: throw .timedOut(address: address.authority)
            }
        }
    }
}
