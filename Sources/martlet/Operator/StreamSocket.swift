import App
import Glibc

/// Why a connection to a service on this machine failed.
enum StreamError: Error, Equatable {
    /// The errno of the connection attempt.
    case unreachable(Int32)
    case timedOut
    /// The peer closed or reset the connection.
    case ended
}

/// A connected socket with one deadline for all operations.
final class StreamSocket {
    let descriptor: Int32
    /// The deadline in nanoseconds of the monotonic clock.
    private let end: Int64

    /// Connects to a Unix socket.
    init(unix path: String, milliseconds: Int64) throws(StreamError) {
        end = MonotonicClock.nanoseconds() + milliseconds * 1_000_000
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let room = MemoryLayout.size(ofValue: name.sun_path)
        guard bytes.count < room else { throw .unreachable(ENAMETOOLONG) }
        unsafe withUnsafeMutableBytes(of: &name.sun_path) { buffer in
            for (index, byte) in bytes.enumerated() { unsafe buffer[index] = byte }
        }
        descriptor = try Self.opened(AF_UNIX)
        let pointer = unsafe withUnsafeBytes(of: &name) { unsafe Array($0) }
        try connect(pointer)
    }

    /// Connects to an address in the form that the resolver returns.
    init(family: Int32, address: [UInt8], milliseconds: Int64) throws(StreamError) {
        end = MonotonicClock.nanoseconds() + milliseconds * 1_000_000
        descriptor = try Self.opened(family)
        try connect(address)
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) throws(StreamError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { part in
                unsafe Glibc.send(descriptor, part.baseAddress, part.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else {
                guard errno == EAGAIN || errno == EINTR else { throw .ended }
                try wait(for: POLLOUT)
            }
        }
    }

    /// Receives bytes.
    ///
    /// - Returns: at most `countMax` bytes; empty at the end of the stream.
    func receive(countMax: Int = 16_384) throws(StreamError) -> [UInt8] {
        var chunk = [UInt8](repeating: 0, count: countMax)
        while true {
            // The deadline also applies to a peer that sends one byte at a time.
            guard millisecondsLeft > 0 else { throw .timedOut }
            let count = unsafe chunk.withUnsafeMutableBytes { part in
                unsafe recv(descriptor, part.baseAddress, part.count, 0)
            }
            if count >= 0 { return Array(chunk.prefix(count)) }
            guard errno == EAGAIN || errno == EINTR else { throw .ended }
            try wait(for: POLLIN)
        }
    }

    func wait(for events: Int32) throws(StreamError) {
        var watched = pollfd(fd: descriptor, events: Int16(truncatingIfNeeded: events), revents: 0)
        while true {
            let left = millisecondsLeft
            let ready = unsafe poll(&watched, 1, left)
            if ready > 0 { return }
            if ready == 0 || errno != EINTR { throw .timedOut }
        }
    }

    private var millisecondsLeft: Int32 {
        Int32(clamping: max(0, (end - MonotonicClock.nanoseconds()) / 1_000_000))
    }

    private static func opened(_ family: Int32) throws(StreamError) -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(family, kind, 0)
        guard descriptor >= 0 else { throw .unreachable(errno) }
        return descriptor
    }

    private func connect(_ address: [UInt8]) throws(StreamError) {
        while true {
            let status = unsafe address.withUnsafeBytes { part in
                guard let base = part.baseAddress else { return Int32(-1) }
                return unsafe Glibc.connect(
                    descriptor, base.assumingMemoryBound(to: sockaddr.self), socklen_t(part.count))
            }
            if status == 0 { return }
            switch errno {
            case EINPROGRESS:
                try wait(for: POLLOUT)
                var code: Int32 = 0
                var size = socklen_t(MemoryLayout<Int32>.size)
                unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
                guard code == 0 else { throw .unreachable(code) }
                return
            case EAGAIN, EINTR:
                // The connection queue of the Unix socket is temporarily full.
                guard millisecondsLeft > 0 else { throw .timedOut }
                usleep(5_000)
            default: throw .unreachable(errno)
            }
        }
    }
}
