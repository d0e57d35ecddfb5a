import CLinux
import Glibc
import HTTP
import Synchronization

/// A bound, listening socket that all loops accept from.
final class ListenSocket: Sendable {
    /// What the kernel keeps of an answer that its reader does not take; it doubles the figure for its own records. Left to
    /// itself it lets a connection grow to 4 MiB, and some thousand readers that stall use up the machine's memory for TCP.
    private static let sendBufferByteCount: Int32 = 65_536

    let descriptor: Int32
    let role: Request.Role
    let isSecure: Bool
    /// Zero for a Unix socket.
    let port: UInt16
    private let unixPath: String?
    /// How many loops still accept; the last one closes.
    private let users = Atomic<Int>(0)
    private let isAdmitting = Atomic<Bool>(true)

    init(_ listener: Listener) throws(EngineFault) {
        let address = try SocketAddress(listener.address)
        let subject = listener.address.description
        role = listener.role
        isSecure = listener.isSecure
        let family: Int32
        switch listener.address {
        case .unix(let path):
            family = AF_UNIX
            unixPath = path
            try Self.removeStale(path, address)
        case .tcp:
            family = address.bytes.count == 16 ? AF_INET : AF_INET6
            unixPath = nil
        }
        descriptor = clinux_stream_socket(family)
        guard descriptor >= 0 else { throw .last("socket", subject) }
        do throws(EngineFault) {
            try Self.bind(descriptor, address, family, subject)
            guard listen(descriptor, 4_096) == 0 else { throw .last("listen", subject) }
            port = family == AF_UNIX ? 0 : try Self.boundPort(descriptor, subject)
        } catch {
            _ = close(descriptor)
            throw error
        }
    }

    private static func bind(
        _ descriptor: Int32, _ address: SocketAddress, _ family: Int32, _ subject: String
    ) throws(EngineFault) {
        if family != AF_UNIX {
            // Accepted sockets inherit TCP_NODELAY and the buffer's size, which saves a call for each.
            set(descriptor, SOL_SOCKET, SO_REUSEADDR)
            set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY)
            set(descriptor, SOL_SOCKET, SO_SNDBUF, to: sendBufferByteCount)
            if family == AF_INET6 { set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY) }
        }
        // Made without rights for others from the start: between bind and chmod nobody else may connect.
        let previousMask = family == AF_UNIX ? umask(0o117) : 0
        let result = unsafe address.withPointer { unsafe Glibc.bind(descriptor, $0, $1) }
        let reason = errno
        if family == AF_UNIX { _ = umask(previousMask) }
        guard result == 0 else { throw .system(call: "bind", subject: subject, reason: text(of: reason)) }
    }

    private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, to value: Int32 = 1) {
        var value = value
        _ = unsafe setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func boundPort(_ descriptor: Int32, _ subject: String) throws(EngineFault) -> UInt16 {
        var bytes = [UInt8](repeating: 0, count: 28)
        var byteCount = socklen_t(bytes.count)
        let result = unsafe bytes.withUnsafeMutableBytes { octets in
            guard let start = octets.baseAddress else { return Int32(-1) }
            return unsafe getsockname(descriptor, start.assumingMemoryBound(to: sockaddr.self), &byteCount)
        }
        guard result == 0 else { throw .last("getsockname", subject) }
        return UInt16(bytes[2]) << 8 | UInt16(bytes[3])
    }

    /// Removes a socket file that a process left behind; one that somebody listens on stays.
    private static func removeStale(_ path: String, _ address: SocketAddress) throws(EngineFault) {
        var information = stat()
        guard unsafe lstat(path, &information) == 0 else { return }
        guard information.st_mode & S_IFMT == S_IFSOCK else {
            throw .system(call: "bind", subject: "unix:\(path)", reason: "there is a file that is not a socket")
        }
        let probe = clinux_stream_socket(AF_UNIX)
        guard probe >= 0 else { throw .last("socket", "unix:\(path)") }
        defer { _ = close(probe) }
        let result = unsafe address.withPointer { unsafe connect(probe, $0, $1) }
        guard result != 0, errno == ECONNREFUSED else { throw .socketInUse(path: path) }
        _ = unsafe unlink(path)
    }

    func join() {
        users.add(1, ordering: .relaxed)
    }

    /// Takes a loop off; `true` for the last one, which must empty the queue and ``shut()``.
    func leave() -> Bool {
        users.subtract(1, ordering: .acquiringAndReleasing).newValue == 0
    }

    /// Lets nobody new in while those who are on the way still arrive.
    ///
    /// Only the first call does it: by the second, a successor may have a socket at the same path.
    func stopAdmitting() {
        guard isAdmitting.exchange(false, ordering: .relaxed) else { return }
        if let unixPath { _ = unsafe unlink(unixPath) } else { _ = clinux_ignore_syn(descriptor) }
    }

    func shut() {
        _ = close(descriptor)
    }
}

extension EngineFault {
    /// The failure that errno holds.
    static func last(_ call: String, _ subject: String) -> EngineFault {
        .system(call: call, subject: subject, reason: text(of: errno))
    }
}

/// strerror(3) without its shared buffer.
func text(of error: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 128)
    _ = unsafe strerror_r(error, &buffer, buffer.count)
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
