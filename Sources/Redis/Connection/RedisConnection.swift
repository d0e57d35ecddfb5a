internal import Glibc
internal import OpenSSL
internal import Platform
internal import Store

/// One connection to a server of Redis, each operation of which ends by a deadline. After any fault it must be closed.
///
/// Every exchange ends with a PING whose number comes back, so an answer to another question is found before anything
/// is made of it.
final class RedisConnection {
    private static let chunkByteCount = 65_536

    let host: String
    let port: UInt16
    private let descriptor: Int32
    private let session: TLSSession?
    private let reader: ReplyReader
    private var chunk = [UInt8](repeating: 0, count: chunkByteCount)
    private var pingNumber: UInt64 = 0

    /// - Parameter tls: nil for a connection without encryption.
    init(host: String, port: UInt16, tls: TLSClientContext?, by deadline: StoreDeadline) throws(StoreFault) {
        self.host = host
        self.port = port
        reader = try ReplyReader()
        do throws(DialError) {
            descriptor = try SocketDialer.connect(
                to: host, port: port, by: MonotonicDeadline(milliseconds: Int64(deadline.milliseconds)))
        } catch {
            throw .unreachable(reason: "\(host):\(port): \(error)")
        }
        guard let tls else {
            session = nil
            return
        }
        // OpenSSL writing to a closed connection must return an error, not end the process.
        signal(SIGPIPE, SIG_IGN)
        do throws(CryptoError) {
            let isAddress = NumericAddress.isV4(host) || NumericAddress.isV6(host)
            session = try tls.session(descriptor, host: host, isAddress: isAddress)
        } catch {
            session = nil
            throw .unreachable(reason: "\(host):\(port): TLS: \(error)")
        }
        try shakeHands(by: deadline)
    }

    deinit {
        session?.sayFarewell()
        close(descriptor)
    }

    /// Sends commands and returns their replies, errors among them.
    ///
    /// - Parameters:
    ///   - isHandshake: whether no command changes anything, so that the reason counts and not how far it came.
    ///   - isQuiet: whether a command has a password.
    func exchange(
        _ commands: CommandBuffer, by deadline: StoreDeadline, isHandshake: Bool = false, isQuiet: Bool = false
    ) throws(StoreFault) -> [RedisReply] {
        pingNumber &+= 1
        let mark = String(pingNumber)
        var commands = commands
        commands.command("PING", mark)
        guard !reader.hasRest else { throw .malformed(reason: "a reply that nothing asked for") }
        try send(commands.bytes, by: deadline)
        var replies: [RedisReply] = []
        replies.reserveCapacity(commands.count)
        while replies.count < commands.count {
            if let reply = try reader.next() {
                replies.append(reply)
            } else {
                try receive(by: deadline)
            }
        }
        guard !reader.hasRest else { throw .malformed(reason: "more replies than commands") }
        guard let last = replies.popLast() else { throw .malformed(reason: "no reply") }
        if last.bytes.map({ $0.elementsEqual(mark.utf8) }) == true { return replies }
        guard case .error(let text) = last else { throw .malformed(reason: "a reply to another command") }
        // If everything failed, nothing happened. Otherwise it is not certain which reply belongs to which command.
        for reply in replies where !isHandshake {
            guard case .error = reply else { throw RedisErrors.lost(after: text) }
        }
        if case .error(let first)? = replies.first { throw RedisErrors.fault(first, isQuiet: isQuiet) }
        throw RedisErrors.fault(text, isQuiet: isQuiet)
    }

    private func shakeHands(by deadline: StoreDeadline) throws(StoreFault) {
        guard let session else { return }
        while true {
            switch session.shakeHands() {
            case .moved: return
            case .wantsReading: try wait(for: POLLIN, by: deadline)
            case .wantsWriting: try wait(for: POLLOUT, by: deadline)
            case .ended, .failed:
                guard let reason = session.certificateFault else {
                    throw .unreachable(reason: "\(host):\(port): the TLS handshake failed")
                }
                throw .rejected(
                    reason: "the certificate of \(host):\(port) is not accepted: \(reason)",
                    remedy: "Set MARTLET_STORE_CA to the certificate of its authority.")
            }
        }
    }

    private func send(_ bytes: [UInt8], by deadline: StoreDeadline) throws(StoreFault) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let outcome = unsafe rest.withUnsafeBytes { unsafe write($0) }
            switch outcome {
            case .moved(let count): rest = rest.dropFirst(count)
            // A server that answers before it has read everything must not wait for us to read.
            case .wantsReading, .wantsWriting:
                try wait(for: outcome == .wantsReading ? POLLIN : POLLOUT | POLLIN, by: deadline)
                if session == nil { try receiveIfReady() }
            case .ended, .failed: throw .lost(reason: "\(host):\(port) closed the connection")
            }
        }
    }

    private func receiveIfReady() throws(StoreFault) {
        if case .moved(let count) = unsafe chunk.withUnsafeMutableBytes({ unsafe read(into: $0) }) {
            try feed(count)
        }
    }

    private func receive(by deadline: StoreDeadline) throws(StoreFault) {
        // Also limits a server that sends a few bytes at a time.
        guard !deadline.hasPassed else { throw .lost(reason: "\(host):\(port) did not answer in time") }
        switch unsafe chunk.withUnsafeMutableBytes({ unsafe read(into: $0) }) {
        case .moved(let count): try feed(count)
        case .wantsReading: try wait(for: POLLIN, by: deadline)
        case .wantsWriting: try wait(for: POLLOUT, by: deadline)
        case .ended, .failed: throw .lost(reason: "\(host):\(port) closed the connection")
        }
    }

    private func feed(_ count: Int) throws(StoreFault) {
        try reader.feed(chunk, count: count)
    }

    private func write(_ bytes: UnsafeRawBufferPointer) -> TLSSession.Outcome {
        if let session { return unsafe session.write(bytes) }
        return outcome(unsafe Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)), POLLOUT)
    }

    private func read(into bytes: UnsafeMutableRawBufferPointer) -> TLSSession.Outcome {
        if let session { return unsafe session.read(into: bytes) }
        return outcome(unsafe recv(descriptor, bytes.baseAddress, bytes.count, 0), POLLIN)
    }

    private func outcome(_ result: Int, _ direction: Int32) -> TLSSession.Outcome {
        if result > 0 { return .moved(result) }
        if result == 0 { return .ended }
        guard errno == EAGAIN || errno == EINTR else { return .failed }
        return direction == POLLIN ? .wantsReading : .wantsWriting
    }

    private func wait(for events: Int32, by deadline: StoreDeadline) throws(StoreFault) {
        guard SocketDialer.wait(descriptor, for: events, milliseconds: deadline.milliseconds) else {
            throw .lost(reason: "\(host):\(port) did not answer in time")
        }
    }
}
