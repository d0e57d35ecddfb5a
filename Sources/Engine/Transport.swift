import Glibc
import HTTP

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

    /// recv(2) into `bytes` from `start` on.
    func receive(into bytes: inout [UInt8], from start: Int) -> Outcome {
        guard start >= 0, start < bytes.count else { return .failed }
        let count = unsafe bytes.withUnsafeMutableBytes { octets in
            guard let base = octets.baseAddress else { return -1 }
            return unsafe recv(descriptor, base + start, octets.count - start, 0)
        }
        return count == 0 ? .ended : outcome(count)
    }

    /// send(2) of `bytes` from `start` on, without SIGPIPE.
    func send(_ bytes: [UInt8], from start: Int) -> Outcome {
        guard start >= 0, start < bytes.count else { return .failed }
        let count = unsafe bytes.withUnsafeBytes { octets in
            guard let base = octets.baseAddress else { return -1 }
            return unsafe Glibc.send(descriptor, base + start, octets.count - start, Int32(MSG_NOSIGNAL))
        }
        return outcome(count)
    }

    private func outcome(_ count: Int) -> Outcome {
        if count > 0 { return .moved(count) }
        let error = errno
        return error == EAGAIN || error == EINTR ? .wouldBlock : .failed
    }

    /// Tells the peer that nothing more comes, while what it sends can still be read.
    func endSending() {
        _ = shutdown(descriptor, Int32(SHUT_WR))
    }

    func close() {
        _ = Glibc.close(descriptor)
    }
}
