import Foundation
import Glibc
import Testing

/// A redis-server of its own on a free port, with a directory that is removed at the end.
final class RedisServer {
    static let program = "/usr/bin/redis-server"
    static let isInstalled = access(program, X_OK) == 0

    let directory: String
    let port: Int
    private(set) var process: pid_t = 0
    private let settings: [String]

    /// - Parameters:
    ///   - settings: arguments such as `--maxmemory`, `10mb`, on top of an append-only file that is synced always.
    ///   - sentinel: the lines of a configuration; the program then is a Sentinel.
    init(_ settings: [String] = [], isDurable: Bool = true, sentinel: String? = nil) throws {
        directory = NSTemporaryDirectory() + "martlet-redis-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        port = Self.freePort()
        var all = ["--port", String(port), "--bind", "127.0.0.1", "--dir", directory, "--save", ""]
        if let sentinel {
            let file = directory + "/sentinel.conf"
            try "port \(port)\nbind 127.0.0.1\ndir \(directory)\n\(sentinel)\n".write(
                toFile: file, atomically: true, encoding: .utf8)
            all = [file, "--sentinel"]
        } else if isDurable {
            all += ["--appendonly", "yes", "--appendfsync", "always"]
        }
        self.settings = all + settings
        try start()
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(atPath: directory)
    }

    var address: String { "redis://127.0.0.1:\(port)" }

    func start() throws {
        let arguments = [Self.program] + settings
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let log = directory + "/log"
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        let code = posix_spawn(&process, Self.program, &actions, nil, &pointers, environ)
        try #require(code == 0, "redis-server does not start: \(code)")
        let end = Date().addingTimeInterval(10)
        while Date() < end {
            if let answer = try? RawClient(port: port).ask("PING"), !answer.hasPrefix("-LOADING") { return }
            usleep(5_000)
        }
        Issue.record("redis-server does not answer: \((try? String(contentsOfFile: log, encoding: .utf8)) ?? "")")
    }

    /// Ends the process as a crash would.
    func kill() {
        guard process > 0 else { return }
        Glibc.kill(process, SIGKILL)
        var status: Int32 = 0
        waitpid(process, &status, 0)
        process = 0
    }

    /// Stops or continues the process.
    func signal(_ number: Int32) { Glibc.kill(process, number) }

    /// Sends a command over a connection of its own and returns the first line of the answer.
    @discardableResult
    func ask(_ arguments: String..., password: String? = nil) throws -> String {
        let client = try RawClient(port: port)
        if let password { _ = try client.ask("AUTH", password) }
        return try client.ask(arguments)
    }

    static func freePort() -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(0)
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(descriptor, $0, &length) }
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

func loopback(_ port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
}

/// A client without any of our code.
final class RawClient {
    private let descriptor: Int32

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = loopback(port)
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw POSIXError(.ECONNREFUSED) }
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    func ask(_ arguments: String...) throws -> String { try ask(arguments) }

    /// Returns what arrives first, without its last line end.
    func ask(_ arguments: [String]) throws -> String {
        var text = "*\(arguments.count)\r\n"
        for argument in arguments { text += "$\(argument.utf8.count)\r\n\(argument)\r\n" }
        let bytes = Array(text.utf8)
        _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { throw POSIXError(.ECONNRESET) }
        return String(decoding: buffer.prefix(count), as: UTF8.self).trimmingCharacters(in: .newlines)
    }
}

/// Sends commands in one piece and counts the lines that come back.
final class RawPipeline {
    private let descriptor: Int32

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = loopback(port)
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw POSIXError(.ECONNREFUSED) }
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8], lines: Int) throws {
        guard Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw POSIXError(.EPIPE)
        }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var seen = 0
        while seen < lines {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { throw POSIXError(.ECONNRESET) }
            for byte in buffer.prefix(count) where byte == UInt8(ascii: "\n") { seen += 1 }
        }
    }
}
