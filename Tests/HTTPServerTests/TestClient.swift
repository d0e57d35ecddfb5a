import Foundation
import Glibc
@testable import HTTPServer

/// A blocking client; nothing waits longer than ten seconds.
final class TestClient: Sendable {
    struct Refused: Error {}

    let descriptor: Int32

    convenience init(port: UInt16, receiveBuffer: Int32? = nil) throws {
        try self.init(.tcp(host: "127.0.0.1", port: port), receiveBuffer: receiveBuffer)
    }

    init(_ address: ListenAddress, receiveBuffer: Int32? = nil) throws {
        let target = try SocketAddress(address)
        let family =
            switch address {
            case .unix, .inherited: AF_UNIX
            case .tcp: target.bytes.count == 16 ? AF_INET : AF_INET6
            }
        descriptor = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
        if var size = receiveBuffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4) }
        guard target.withPointer({ connect(descriptor, $0, $1) }) == 0 else { throw Refused() }
    }

    deinit { close(descriptor) }

    /// - Returns: false when the peer is gone.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var start = 0
        while start < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + start, $0.count - start, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            start += count
        }
        return true
    }

    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// - Returns: an empty array at the end; nil when nothing came, or the connection was reset.
    func receive(_ most: Int = 65_536) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: most)
        let count = recv(descriptor, &bytes, most, 0)
        return count < 0 ? nil : Array(bytes.prefix(count))
    }

    /// Everything until the peer closes; `TIMEOUT` or `RESET` is appended when it does not do so in order.
    func receiveAll() -> String {
        var all: [UInt8] = []
        while true {
            guard let some = receive() else {
                return String(decoding: all, as: UTF8.self) + (errno == EAGAIN ? "TIMEOUT" : "RESET")
            }
            if some.isEmpty { return String(decoding: all, as: UTF8.self) }
            all += some
        }
    }

    /// One answer with its content, as its Content-Length says; nil when the connection ends before it is complete.
    func receiveAnswer(toHead: Bool = false) -> Answer? {
        var all: [UInt8] = []
        while !all.suffix(4).elementsEqual(Array("\r\n\r\n".utf8)) {
            guard let some = receive(1), !some.isEmpty else { return nil }
            all += some
        }
        var answer = Answer(head: String(decoding: all, as: UTF8.self))
        let length = toHead ? 0 : answer.field("Content-Length").flatMap { Int($0) } ?? 0
        var body: [UInt8] = []
        while body.count < length {
            guard let some = receive(length - body.count), !some.isEmpty else { return nil }
            body += some
        }
        answer.body = String(decoding: body, as: UTF8.self)
        return answer
    }

    /// Returns the next `count` bytes, or fewer if the connection ends before.
    func receive(exactly count: Int) -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count {
            guard let some = receive(count - all.count), !some.isEmpty else { break }
            all += some
        }
        return all
    }

    /// Returns the content of the next chunk, empty for the last one; nil if there is none.
    func receiveChunk() -> [UInt8]? {
        var line: [UInt8] = []
        while !line.suffix(2).elementsEqual(Array("\r\n".utf8)) {
            guard let some = receive(1), !some.isEmpty else { return nil }
            line += some
        }
        guard let count = Int(String(decoding: line.dropLast(2), as: UTF8.self), radix: 16) else { return nil }
        let chunk = receive(exactly: count + 2)
        return chunk.count == count + 2 && chunk.suffix(2).elementsEqual(Array("\r\n".utf8)) ? chunk.dropLast(2) : nil
    }

    /// Returns the content of all chunks up to the last one; nil if it does not come.
    func receiveChunks() -> [UInt8]? {
        var all: [UInt8] = []
        while let chunk = receiveChunk() {
            if chunk.isEmpty { return all }
            all += chunk
        }
        return nil
    }

    func ask(_ text: String) -> Answer? {
        send(text) ? receiveAnswer() : nil
    }
}

struct Answer {
    var head: String
    var body = ""

    var status: Int? { Int(head.split(separator: " ").dropFirst().first ?? "") }

    func field(_ name: String) -> String? {
        for line in head.components(separatedBy: "\r\n") where line.lowercased().hasPrefix(name.lowercased() + ": ") {
            return String(line.dropFirst(name.count + 2))
        }
        return nil
    }
}

/// A GET of `target` with more `lines`, each ending in CR LF.
func get(_ target: String, _ lines: String = "") -> String {
    "GET \(target) HTTP/1.1\r\nHost: a\r\n\(lines)\r\n"
}
