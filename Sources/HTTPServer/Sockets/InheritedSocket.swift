import Glibc

/// A listening socket that the process did not create: a service manager (sd_listen_fds(3)) or its predecessor passed
/// it.
package struct InheritedSocket: Sendable {
    let descriptor: Int32
    /// The name that the service manager assigned; empty if a predecessor created the socket.
    let name: String
    /// Whether a service manager has it too.
    let isManaged: Bool
    let address: SocketAddress

    /// Validates an inherited descriptor.
    ///
    /// - Throws: `.inheritedUnusable` unless it is a stream socket that listens.
    init(_ descriptor: Int32, name: String, isManaged: Bool) throws(ServerError) {
        guard Self.option(descriptor, SO_TYPE) == Int32(SOCK_STREAM.rawValue),
            Self.option(descriptor, SO_ACCEPTCONN) == 1, let address = SocketAddress(of: descriptor)
        else { throw .inheritedUnusable(name: name) }
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0,
            fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0
        else { throw .inheritedUnusable(name: name) }
        self.descriptor = descriptor
        self.name = name
        self.isManaged = isManaged
        self.address = address
    }

    /// Returns whether it matches `wanted`: by name, or because it is bound to exactly that address.
    func suits(_ wanted: ListenAddress) -> Bool {
        if case .inherited(let name) = wanted { return name == self.name }
        guard let wanted = try? SocketAddress(wanted) else { return false }
        return wanted == address
    }

    private static func option(_ descriptor: Int32, _ name: Int32) -> Int32 {
        var value: Int32 = -1
        var byteCount = socklen_t(MemoryLayout<Int32>.size)
        return unsafe getsockopt(descriptor, SOL_SOCKET, name, &value, &byteCount) == 0 ? value : -1
    }
}

extension InheritedSocket {
    /// Returns the sockets that a service manager passed from descriptor 3 on.
    ///
    /// - Parameters:
    ///   - environment: its variables `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES` are used.
    ///   - process: the number of this process; sockets for another process are ignored.
    package static func fromManager(
        _ environment: [String: String], process: Int32
    ) throws(ServerError) -> [InheritedSocket] {
        var sockets: [InheritedSocket] = []
        for (offset, name) in names(environment, process: process).enumerated() {
            sockets.append(try InheritedSocket(3 + Int32(offset), name: name, isManaged: true))
        }
        return sockets
    }

    /// Returns one name for each socket; `unknown` if none is given, as in sd_listen_fds_with_names(3).
    static func names(_ environment: [String: String], process: Int32) -> [String] {
        guard environment["LISTEN_PID"] == String(process), let text = environment["LISTEN_FDS"],
            let count = Int(text), (1...253).contains(count)
        else { return [] }
        let given = (environment["LISTEN_FDNAMES"] ?? "").split(separator: ":", omittingEmptySubsequences: false)
        return (0..<count).map { $0 < given.count && !given[$0].isEmpty ? String(given[$0]) : "unknown" }
    }
}
