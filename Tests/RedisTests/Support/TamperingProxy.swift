import Foundation
import Glibc
import Synchronization

/// Passes bytes between a client and a server, and replaces one answer of the server.
final class TamperingProxy: @unchecked Sendable {
    // Everything that threads share is in the mutex.
    enum Tampering: Sendable {
        /// In place of the next answer.
        case replace([UInt8])
        /// Before the next answer.
        case insert([UInt8])
        /// After the next answer.
        case append([UInt8])
        /// The first bytes of the next answer, then the end of the connection.
        case cut(Int)
        /// In place of the next answer, without an end: one byte each 20 ms.
        case drip([UInt8])
        /// The next answer never comes.
        case swallow
    }

    let port: Int
    private let listener: Int32
    private let serverPort: Mutex<Int>
    private let pending = Mutex<Tampering?>(nil)
    private let open = Mutex<[Int32]>([])

    init(to serverPort: Int) {
        self.serverPort = Mutex(serverPort)
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(descriptor, $0, length)
                _ = listen(descriptor, 16)
                _ = getsockname(descriptor, $0, &length)
            }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { [self] in accept() }
    }

    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        open.withLock { for descriptor in $0 { shutdown(descriptor, Int32(SHUT_RDWR)) } }
    }

    /// Ends all connections; the next ones go to another server.
    func retarget(to port: Int) {
        serverPort.withLock { $0 = port }
        open.withLock { all in
            for descriptor in all { shutdown(descriptor, Int32(SHUT_RDWR)) }
            all = []
        }
    }

    func tamper(_ how: Tampering) { pending.withLock { $0 = how } }

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { return }
            let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = loopback(serverPort.withLock { $0 })
            let status = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard status == 0 else {
                close(client)
                close(server)
                continue
            }
            open.withLock { $0 += [client, server] }
            Thread.detachNewThread { [self] in pump(client, server, isAnswer: false) }
            Thread.detachNewThread { [self] in pump(server, client, isAnswer: true) }
        }
    }

    private func pump(_ source: Int32, _ target: Int32, isAnswer: Bool) {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(source, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            var bytes = Array(buffer.prefix(count))
            let tampering =
                isAnswer
                ? pending.withLock { value -> Tampering? in
                    defer { value = nil }; return value
                } : nil
            switch tampering {
            case nil: break
            case .replace(let other): bytes = other
            case .insert(let more): bytes = more + bytes
            case .append(let more): bytes += more
            case .cut(let length):
                bytes = Array(bytes.prefix(length))
                _ = send(target, bytes, bytes.count, Int32(MSG_NOSIGNAL))
                shutdown(target, Int32(SHUT_RDWR))
                return
            case .drip(let slow):
                for byte in slow {
                    guard send(target, [byte], 1, Int32(MSG_NOSIGNAL)) == 1 else { return }
                    usleep(20_000)
                }
                continue
            case .swallow: continue
            }
            guard send(target, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else { break }
        }
        shutdown(target, Int32(SHUT_RDWR))
    }
}
