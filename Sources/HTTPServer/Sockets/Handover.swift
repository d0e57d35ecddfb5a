import CLinux
import Glibc
import Platform
import Synchronization

/// Hands the listening sockets of a process to its successor through a Unix socket of mode 0600.
///
/// The successor connects, sends ``request`` and receives one message: a line for each socket, and the sockets
/// themselves. After it has sent ``receipt``, it shares the sockets, and the predecessor stops. Connections that have
/// not been accepted wait in the queues of the sockets, which exist without interruption.
package final class HandoverServer: Sendable {
    static let request = "martlet handover 1\n"
    static let receipt = "taken\n"
    /// How long either side waits for the other, in seconds.
    private static let patience: Int32 = 5
    static let textByteCountMax = 65_536

    private let path: String
    private let descriptor: Int32
    private let isPresent = Atomic<Bool>(true)

    /// Listens at `path`, and replaces a socket file there that no process listens on.
    package init(path: String) throws(ServerError) {
        self.path = path
        let subject = "unix:\(path)"
        let address = try SocketAddress(.unix(path: path))
        descriptor = clinux_packet_socket(0)
        guard descriptor >= 0 else { throw .last("socket", subject) }
        var information = stat()
        if unsafe lstat(path, &information) == 0, information.st_mode & S_IFMT == S_IFSOCK { _ = unsafe unlink(path) }
        let error = address.bind(descriptor, mode: 0o600)
        guard error == 0, listen(descriptor, 8) == 0 else {
            let code = error == 0 ? errno : error
            _ = close(descriptor)
            throw .system(call: "bind", subject: subject, reason: FileErrorText.message(of: code), code: code)
        }
    }

    deinit { _ = close(descriptor) }

    /// Waits for a successor on a separate thread.
    ///
    /// - Parameter didHandOver: called once, after a successor has the sockets, to start the shutdown of `server`.
    /// - Throws: `.noThread`.
    package func serve(_ server: Server, _ didHandOver: @escaping @Sendable () -> Void) throws(ServerError) {
        let thread = try? Thread(name: "handover") { [self] in
            while isPresent.load(ordering: .relaxed) {
                let successor = clinux_accept4(descriptor, nil, nil, Int32(SOCK_CLOEXEC.rawValue))
                guard successor >= 0 else {
                    // No descriptor is free, so the thread waits.
                    usleep(100_000)
                    continue
                }
                let isDone = give(server.handed, to: successor)
                if isDone {
                    for listener in server.handed { listener.keep() }
                    remove()
                    didHandOver()
                }
                _ = close(successor)
                if isDone { return }
            }
        }
        guard let thread else { throw .noThread(name: "handover") }
        thread.detach()
    }

    /// Removes the socket file; a successor may soon create its own there.
    package func remove() {
        if isPresent.exchange(false, ordering: .relaxed) { _ = unsafe unlink(path) }
    }

    /// Sends the sockets to the successor on its request, and waits for its receipt.
    ///
    /// - Returns: whether the successor has the sockets.
    private func give(_ listeners: [ListenSocket], to successor: Int32) -> Bool {
        // The file mode already excludes other users. This check also covers file systems that ignore the mode.
        let user = clinux_peer_user(successor)
        guard user == 0 || user == Int(geteuid()) else { return false }
        var limit = timeval(tv_sec: Int(Self.patience), tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            _ = unsafe setsockopt(successor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        guard Self.hear(successor) == Self.request else { return false }
        let text = Array(listeners.map { ($0.isManaged ? "managed " : "own ") + $0.name + "\n" }.joined().utf8)
        let descriptors = listeners.map(\.descriptor)
        let sent = unsafe clinux_send_descriptors(
            successor, text, UInt(text.count), descriptors, Int32(clamping: descriptors.count))
        return sent == 0 && Self.hear(successor) == Self.receipt
    }

    private static func hear(_ socket: Int32) -> String? {
        var octets = [UInt8](repeating: 0, count: 64)
        let count = unsafe recv(socket, &octets, octets.count, 0)
        return count > 0 ? String(decoding: octets[..<count], as: UTF8.self) : nil
    }

    /// Requests the sockets of the process that listens at `path`, which then stops.
    ///
    /// - Returns: nil if no process listens there.
    package static func takeOver(path: String) throws(ServerError) -> [InheritedSocket]? {
        let subject = "unix:\(path)"
        let address = try SocketAddress(.unix(path: path))
        let connection = clinux_packet_socket(patience)
        guard connection >= 0 else { throw .last("socket", subject) }
        defer { _ = close(connection) }
        guard unsafe address.withPointer({ unsafe connect(connection, $0, $1) }) == 0 else {
            guard errno == ENOENT || errno == ECONNREFUSED else { throw .last("connect", subject) }
            return nil
        }
        guard say(request, connection) else { throw .last("send", subject) }
        var text = [UInt8](repeating: 0, count: textByteCountMax)
        var descriptors = [Int32](repeating: -1, count: 253)
        var count = Int32(descriptors.count)
        let byteCount = unsafe clinux_receive_descriptors(connection, &text, UInt(text.count), &descriptors, &count)
        guard byteCount >= 0 else { throw .last("recvmsg", subject) }
        let taken = Array(descriptors[..<Int(count)])
        do throws(ServerError) {
            let sockets = try read(String(decoding: text[..<byteCount], as: UTF8.self), taken, subject)
            guard say(receipt, connection) else { throw .last("send", subject) }
            return sockets
        } catch {
            for descriptor in taken { _ = close(descriptor) }
            throw error
        }
    }

    private static func read(
        _ text: String, _ descriptors: [Int32], _ subject: String
    ) throws(ServerError) -> [InheritedSocket] {
        let lines = text.split(separator: "\n")
        guard lines.count == descriptors.count, !lines.isEmpty else {
            throw .system(call: "recvmsg", subject: subject, reason: "the process at that path hands over no sockets")
        }
        var sockets: [InheritedSocket] = []
        for (line, descriptor) in zip(lines, descriptors) {
            let isManaged = line.hasPrefix("managed ")
            let name = line.dropFirst(isManaged ? 8 : 4)
            sockets.append(try InheritedSocket(descriptor, name: String(name), isManaged: isManaged))
        }
        return sockets
    }

    private static func say(_ text: String, _ socket: Int32) -> Bool {
        let octets = Array(text.utf8)
        return unsafe send(socket, octets, octets.count, Int32(MSG_NOSIGNAL)) == octets.count
    }
}
