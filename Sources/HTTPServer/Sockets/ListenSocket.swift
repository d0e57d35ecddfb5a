import CLinux
import Glibc
import HTTP
import Platform
import Synchronization

/// A bound, listening socket that all loops accept from.
final class ListenSocket: Sendable {
    /// The send buffer size in bytes; the kernel doubles it for its own bookkeeping. By default a connection can grow
    /// to 4 MiB, and some thousand clients that stop reading could exhaust the TCP memory of the machine.
    private static let sendBufferByteCount: Int32 = 65_536
    /// How long a peer may leave data unacknowledged. By default, one that has vanished without a word, such as a reader of
    /// an endless stream, keeps its connection for a quarter of an hour.
    private static let unacknowledgedMilliseconds: Int32 = 60_000

    let descriptor: Int32
    let role: Request.Role
    let isSecure: Bool
    let usesProxyProtocol: Bool
    /// Zero for a Unix socket.
    let port: UInt16
    private let unixPath: String?
    /// The name of an inherited socket; empty for a socket that this process created.
    let name: String
    /// Whether a service manager has the socket too, and keeps its queue when the process ends.
    let isManaged: Bool
    /// Whether the socket outlives this process, so that shutdown must not affect it.
    private let isKept: Atomic<Bool>
    /// The number of loops that still accept; the last one closes the socket.
    private let users = Atomic<Int>(0)
    private let isAdmitting = Atomic<Bool>(true)

    /// Listens on an inherited socket.
    init(_ listener: Listener, _ inherited: InheritedSocket) {
        role = listener.role
        isSecure = listener.isSecure
        usesProxyProtocol = listener.usesProxyProtocol
        descriptor = inherited.descriptor
        name = inherited.name
        isManaged = inherited.isManaged
        isKept = Atomic(inherited.isManaged)
        port = inherited.address.port
        if case .unix(let path) = listener.address { unixPath = path } else { unixPath = nil }
        if inherited.address.family != AF_UNIX { Self.set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY) }
    }

    /// Binds the address of the listener and listens there.
    init(_ listener: Listener) throws(ServerError) {
        if case .inherited(let name) = listener.address { throw .notInherited(name: name) }
        let address = try SocketAddress(listener.address)
        let subject = listener.address.description
        role = listener.role
        isSecure = listener.isSecure
        usesProxyProtocol = listener.usesProxyProtocol
        name = ""
        isManaged = false
        isKept = Atomic(false)
        let family = address.family
        if case .unix(let path) = listener.address {
            unixPath = path
            try Self.removeStale(path, address)
        } else {
            unixPath = nil
        }
        descriptor = clinux_stream_socket(family)
        guard descriptor >= 0 else { throw .last("socket", subject) }
        do throws(ServerError) {
            try Self.bind(descriptor, address, listener.mode, subject)
            guard listen(descriptor, 4_096) == 0 else { throw .last("listen", subject) }
            guard let bound = SocketAddress(of: descriptor) else { throw .last("getsockname", subject) }
            port = bound.port
        } catch {
            _ = close(descriptor)
            throw error
        }
    }

    private static func bind(
        _ descriptor: Int32, _ address: SocketAddress, _ mode: UInt16, _ subject: String
    ) throws(ServerError) {
        let family = address.family
        if family != AF_UNIX {
            // Accepted sockets inherit TCP_NODELAY and the buffer size, which saves one system call for each.
            set(descriptor, SOL_SOCKET, SO_REUSEADDR)
            set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY)
            set(descriptor, SOL_SOCKET, SO_SNDBUF, to: sendBufferByteCount)
            set(descriptor, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, to: unacknowledgedMilliseconds)
            if family == AF_INET6 { set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY) }
        }
        let error = address.bind(descriptor, mode: mode)
        guard error == 0 else {
            throw .system(call: "bind", subject: subject, reason: FileErrorText.message(of: error), code: error)
        }
    }

    private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, to value: Int32 = 1) {
        var value = value
        _ = unsafe setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Checks whether the address can be bound, without side effects.
    ///
    /// - Throws: the error that ``init(_:)`` would throw now.
    static func rehearse(_ listener: Listener) throws(ServerError) {
        let address = try SocketAddress(listener.address)
        let subject = listener.address.description
        if case .unix(let path) = listener.address {
            _ = try isStale(path, address)
            let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
            guard unsafe access(folder, W_OK | X_OK) == 0 else { throw .last("bind", subject) }
            return
        }
        let descriptor = clinux_stream_socket(address.family)
        guard descriptor >= 0 else { throw .last("socket", subject) }
        defer { _ = close(descriptor) }
        try bind(descriptor, address, listener.mode, subject)
    }

    /// Removes a stale socket file; a socket that a process listens on remains.
    private static func removeStale(_ path: String, _ address: SocketAddress) throws(ServerError) {
        if try isStale(path, address) { _ = unsafe unlink(path) }
    }

    /// Checks whether a socket file is stale.
    ///
    /// - Returns: whether there is a socket file that no process listens on.
    private static func isStale(_ path: String, _ address: SocketAddress) throws(ServerError) -> Bool {
        var information = stat()
        guard unsafe lstat(path, &information) == 0 else { return false }
        guard information.st_mode & S_IFMT == S_IFSOCK else {
            throw .system(call: "bind", subject: "unix:\(path)", reason: "a file that is not a socket is in the way")
        }
        let probe = clinux_stream_socket(AF_UNIX)
        guard probe >= 0 else { throw .last("socket", "unix:\(path)") }
        defer { _ = close(probe) }
        let result = unsafe address.withPointer { unsafe connect(probe, $0, $1) }
        guard result != 0, errno == ECONNREFUSED else { throw .socketInUse(path: path) }
        return true
    }

    func join() {
        users.add(1, ordering: .relaxed)
    }

    /// Removes a loop.
    ///
    /// - Returns: true for the last loop, which must empty the queue and call ``shut()``.
    func leave() -> Bool {
        users.subtract(1, ordering: .acquiringAndReleasing).newValue == 0
    }

    /// Rejects new connection attempts while those in progress still arrive.
    ///
    /// Only the first call has an effect: by the second, a successor may have created a socket at the same path.
    func stopAdmitting() {
        guard isAdmitting.exchange(false, ordering: .relaxed), !endsWithoutUs else { return }
        if let unixPath { _ = unsafe unlink(unixPath) } else { _ = clinux_ignore_syn(descriptor) }
    }

    /// Whether another process will accept the connections that are queued now.
    var endsWithoutUs: Bool { isKept.load(ordering: .relaxed) }

    /// Records that another process has the socket from now on.
    func keep() {
        isKept.store(true, ordering: .relaxed)
    }

    func shut() {
        _ = close(descriptor)
    }
}

extension ServerError {
    /// Returns the error in `errno`.
    static func last(_ call: String, _ subject: String) -> ServerError {
        .system(call: call, subject: subject, reason: FileErrorText.message(of: errno), code: errno)
    }
}
