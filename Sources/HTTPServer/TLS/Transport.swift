import Glibc
import HTTP
import OpenSSL

/// The one place where a connection's octets come in and go out.
struct Transport: Sendable {
    enum Outcome: Equatable {
        /// Above zero.
        case moved(Int)
        case wouldBlock
        /// The peer has sent everything it will (only when receiving).
        case ended
        case failed
    }

    let descriptor: Int32
    /// What stands between the octets and the socket, if anything does.
    private var tls: TLSSession?

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// recv(2) into `bytes` from `start` on; over TLS one record at most, for which `bytes` must have the room.
    func receive(into bytes: inout [UInt8], from start: Int) -> Outcome {
        guard start >= 0, start < bytes.count else { return .failed }
        if let tls { return Self.receive(tls, into: &bytes, from: start) }
        let count = unsafe bytes.withUnsafeMutableBytes { octets in
            guard let base = octets.baseAddress else { return -1 }
            return unsafe recv(descriptor, base + start, octets.count - start, 0)
        }
        return count == 0 ? .ended : outcome(count)
    }

    /// send(2) of `bytes` from `start` on, without SIGPIPE.
    ///
    /// What would block must be sent again before anything else: TLS has made a record of its beginning.
    func send(_ bytes: [UInt8], from start: Int) -> Outcome {
        guard start >= 0, start < bytes.count else { return .failed }
        if let tls { return Self.send(tls, bytes, from: start) }
        let count = unsafe bytes.withUnsafeBytes { octets in
            guard let base = octets.baseAddress else { return -1 }
            return unsafe Glibc.send(descriptor, base + start, octets.count - start, Int32(MSG_NOSIGNAL))
        }
        return outcome(count)
    }

    /// recv(2) of what nobody will look at, encrypted or not.
    func discard(into bytes: inout [UInt8]) -> Outcome {
        let count = unsafe bytes.withUnsafeMutableBytes { octets in
            unsafe recv(descriptor, octets.baseAddress, octets.count, 0)
        }
        return count == 0 ? .ended : outcome(count)
    }

    /// recv(2) of at most `byteCountMax` octets that stay in the socket, which carries no TLS yet.
    func peek(into bytes: inout [UInt8], from start: Int, byteCountMax: Int) -> Outcome {
        guard start >= 0, start < bytes.count, byteCountMax > 0 else { return .failed }
        let count = unsafe bytes.withUnsafeMutableBytes { octets in
            guard let base = octets.baseAddress else { return -1 }
            return unsafe recv(descriptor, base + start, min(byteCountMax, octets.count - start), Int32(MSG_PEEK))
        }
        return count == 0 ? .ended : outcome(count)
    }

    /// recv(2) of octets that ``peek(into:from:byteCountMax:)`` has shown.
    ///
    /// - Returns: whether all of them are taken.
    func take(_ byteCount: Int) -> Bool {
        var room = [UInt8](repeating: 0, count: byteCount)
        return unsafe room.withUnsafeMutableBytes { octets in
            unsafe recv(descriptor, octets.baseAddress, octets.count, 0) == octets.count
        }
    }

    private func outcome(_ count: Int) -> Outcome {
        if count > 0 { return .moved(count) }
        let error = errno
        return error == EAGAIN || error == EINTR ? .wouldBlock : .failed
    }

    /// Tells the peer that nothing more comes, while what it sends can still be read.
    func endSending() {
        tls?.sayFarewell()
        _ = shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Over TLS the peer is told first, so that it can tell an end from a cut.
    mutating func close() {
        if let tls {
            tls.sayFarewell()
            self.tls = nil
        }
        _ = Glibc.close(descriptor)
    }
}

// TLS, kept out of line so that plain connections pay for one comparison only.
extension Transport {
    enum Handshake {
        case done
        case wantsReading
        case wantsWriting
        case failed
    }

    /// Begins TLS as the server.
    ///
    /// - Returns: false when there is no memory for it.
    mutating func secure(with identity: TLSIdentity) -> Bool {
        tls = identity.session(descriptor)
        return tls != nil
    }

    /// Whether something may be received although the socket tells of nothing.
    var holdsInput: Bool { tls?.holdsInput ?? false }

    /// Whether the peer and we agreed on HTTP/2 (RFC 7301).
    var speaksHTTP2: Bool { tls?.speaksHTTP2 ?? false }

    /// What the handshake has settled.
    var channel: Channel {
        guard let tls else { return Channel() }
        return Channel(security: tls.isVersion13 ? .tls13 : .tls12, clientSubject: tls.clientSubject)
    }

    func shakeHands() -> Handshake {
        guard let tls else { return .done }
        switch tls.shakeHands() {
        case .moved: return .done
        case .wantsReading: return .wantsReading
        case .wantsWriting: return .wantsWriting
        case .ended, .failed: return .failed
        }
    }

    @inline(never)
    private static func receive(_ tls: TLSSession, into bytes: inout [UInt8], from start: Int) -> Outcome {
        let outcome = unsafe bytes.withUnsafeMutableBytes { octets in
            unsafe tls.read(into: UnsafeMutableRawBufferPointer(rebasing: octets[start...]))
        }
        switch outcome {
        case .moved(let count): return .moved(count)
        case .wantsReading: return .wouldBlock
        case .ended: return .ended
        // A peer that asks for new keys without taking the answers would have us turn in circles.
        case .wantsWriting, .failed: return .failed
        }
    }

    @inline(never)
    private static func send(_ tls: TLSSession, _ bytes: [UInt8], from start: Int) -> Outcome {
        var sent = start
        while sent < bytes.count {
            let outcome = unsafe bytes.withUnsafeBytes { octets in
                unsafe tls.write(UnsafeRawBufferPointer(rebasing: octets[sent...]))
            }
            switch outcome {
            case .moved(let count): sent &+= count
            case .wantsWriting: return sent > start ? .moved(sent &- start) : .wouldBlock
            case .wantsReading, .ended, .failed: return .failed
            }
        }
        return .moved(sent &- start)
    }
}
