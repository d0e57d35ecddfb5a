import Glibc
import HTTP
import OpenSSL

/// The only place where the bytes of a connection are received and sent.
struct Transport: Sendable {
    enum Outcome: Equatable {
        /// The number of bytes; above zero.
        case moved(Int)
        case wouldBlock
        /// The peer has closed its sending side (only when receiving).
        case ended
        case failed
    }

    let descriptor: Int32
    /// The TLS layer between the bytes and the socket, if any.
    private var tls: TLSSession?

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// Receives into `bytes` from `start` on (recv(2)); over TLS at most one record, for which `bytes` must have room.
    func receive(into bytes: inout [UInt8], from start: Int) -> Outcome {
        guard start >= 0, start < bytes.count else { return .failed }
        if let tls { return Self.receive(tls, into: &bytes, from: start) }
        let count = unsafe bytes.withUnsafeMutableBytes { octets in
            guard let base = octets.baseAddress else { return -1 }
            return unsafe recv(descriptor, base + start, octets.count - start, 0)
        }
        return count == 0 ? .ended : outcome(count)
    }

    /// Sends `bytes` from `start` on (send(2)), without SIGPIPE.
    ///
    /// After a send that would block, the same bytes must be sent before any others, because TLS has already made a
    /// record of their beginning.
    func send(_ bytes: [UInt8], from start: Int) -> Outcome {
        guard start >= 0, start < bytes.count else { return .failed }
        if let tls { return Self.send(tls, bytes, from: start) }
        let count = unsafe bytes.withUnsafeBytes { octets in
            guard let base = octets.baseAddress else { return -1 }
            return unsafe Glibc.send(descriptor, base + start, octets.count - start, Int32(MSG_NOSIGNAL))
        }
        return outcome(count)
    }

    /// Receives and discards bytes (recv(2)), without decrypting them.
    func discard(into bytes: inout [UInt8]) -> Outcome {
        let count = unsafe bytes.withUnsafeMutableBytes { octets in
            unsafe recv(descriptor, octets.baseAddress, octets.count, 0)
        }
        return count == 0 ? .ended : outcome(count)
    }

    /// Receives at most `byteCountMax` bytes that remain in the socket, which must not use TLS yet (recv(2)).
    func peek(into bytes: inout [UInt8], from start: Int, byteCountMax: Int) -> Outcome {
        guard start >= 0, start < bytes.count, byteCountMax > 0 else { return .failed }
        let count = unsafe bytes.withUnsafeMutableBytes { octets in
            guard let base = octets.baseAddress else { return -1 }
            return unsafe recv(descriptor, base + start, min(byteCountMax, octets.count - start), Int32(MSG_PEEK))
        }
        return count == 0 ? .ended : outcome(count)
    }

    /// Receives bytes that ``peek(into:from:byteCountMax:)`` has returned (recv(2)).
    ///
    /// - Returns: whether all of them were received.
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

    /// Closes the sending side; what the peer sends can still be received.
    func endSending() {
        tls?.sayFarewell()
        _ = shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Closes the connection. Over TLS it notifies the peer first, so that the peer can detect truncation.
    mutating func close() {
        if let tls {
            tls.sayFarewell()
            self.tls = nil
        }
        _ = Glibc.close(descriptor)
    }
}

// TLS, not inlined so that plain connections cost only one comparison.
extension Transport {
    enum Handshake {
        case done
        case wantsReading
        case wantsWriting
        case failed
    }

    /// Starts TLS as the server.
    ///
    /// - Returns: false if no memory is available for it.
    mutating func secure(with identity: TLSIdentity) -> Bool {
        tls = identity.session(descriptor)
        return tls != nil
    }

    /// Whether bytes can be received although the socket reports no input.
    var holdsInput: Bool { tls?.holdsInput ?? false }

    /// Whether HTTP/2 was negotiated (RFC 7301).
    var speaksHTTP2: Bool { tls?.speaksHTTP2 ?? false }

    /// The properties that the handshake established.
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
        // A peer that requests new keys without reading the responses would otherwise make the loop spin.
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
