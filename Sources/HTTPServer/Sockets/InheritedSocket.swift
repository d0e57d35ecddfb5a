import Glibc

/// A listening socket that the process did not make: its manager has it (sd_listen_fds(3)), or the process before it had.
package struct InheritedSocket: Sendable {
    let descriptor: Int32
    /// What the manager calls it; empty if the process before made it.
    let name: String
    /// Whether a manager has it, too.
    let isManaged: Bool
    let address: SocketAddress

    /// - Throws: `.inheritedUnusable` for anything but a stream socket that listens.
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

    /// Whether it is what `wanted` asks for: by name, or bound to just that address.
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
    /// The sockets that a service manager has left from descriptor 3 on.
    ///
    /// - Parameters:
    ///   - environment: `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES` of it are looked at.
    ///   - process: the number of this process; sockets for another are none of ours.
    package static func fromManager(
        _ environment: [String: String], process: Int32
    ) throws(ServerError) -> [InheritedSocket] {
        var sockets: [InheritedSocket] = []
        for (offset, name) in names(environment, process: process).enumerated() {
            sockets.append(try InheritedSocket(3 + Int32(offset), name: name, isManaged: true))
        }
        return sockets
    }

    /// One for each socket; `unknown` where nothing is said, as sd_listen_fds_with_names(3) has it.
    static func names(_ environment: [String: String], process: Int32) -> [String] {
        guard environment["LISTEN_PID"] == String(process), let text = environment["LISTEN_FDS"],
            let count = Int(text), (1...253).contains(count)
        else { return [] }
        let given = (environment["LISTEN_FDNAMES"] ?? "").split(separator: ":", omittingEmptySubsequences: false)
        return (0..<count).map { $0 < given.count && !given[$0].isEmpty ? String(given[$0]) : "unknown" }
    }
}
