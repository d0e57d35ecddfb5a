import Foundation
import Store
import Synchronization
import Testing

@testable import Postgres

/// A real PostgreSQL, a child of the tests with its own data, port and socket.
final class PostgresServer: @unchecked Sendable {
    static let owner = "owner"
    static let role = "service"
    static let prefix = "martlet"

    let directory: String
    let port: Int
    private var process: Process?
    private let settings: [String: String]

    /// Made once; each server gets a copy.
    private static let template: Result<String, any Error> = Result {
        let root = try makeDirectory("template")
        try PostgresPrograms.give(root)
        try PostgresPrograms.run(
            PostgresPrograms.command(
                "initdb", ["-D", "\(root)/data", "-U", owner, "-A", "trust", "-E", "UTF8", "--no-locale", "-N"]))
        return root
    }

    private static let root = Mutex<String?>(nil)
    private static let lastPort = Mutex(20_000 + Int(getpid()) % 20_000)

    private static func makeDirectory(_ name: String) throws -> String {
        let base = try root.withLock { root -> String in
            if let root { return root }
            let path = "/tmp/martlet-postgres-\(getpid())"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            chmod(path, 0o755)
            root = path
            atexit { _ = try? FileManager.default.removeItem(atPath: "/tmp/martlet-postgres-\(getpid())") }
            return path
        }
        let path = "\(base)/\(name)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    /// Starts a server with the schema.
    ///
    /// - Parameters:
    ///   - settings: lines of postgresql.conf.
    ///   - source: the data of another server to copy; nil for an empty cluster.
    init(_ settings: [String: String] = [:], hasSchema: Bool = true) throws {
        let template = try Self.template.get()
        let port = try Self.freePort()
        self.port = port
        self.settings = settings
        directory = try Self.makeDirectory("\(port)")
        try PostgresPrograms.run(["/bin/cp", "-a", "\(template)/data", "\(directory)/data"])
        try PostgresPrograms.give(directory)
        try start()
        try execute("CREATE ROLE \(Self.role) LOGIN")
        if hasSchema {
            try PostgresEngineSource(connection(user: Self.owner)).applySchema(
                role: Self.role, by: .after(milliseconds: 10_000))
        }
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(atPath: directory)
    }

    func start() throws {
        var arguments = ["-D", "\(directory)/data", "-k", directory, "-p", "\(port)"]
        var all = [
            "listen_addresses": "127.0.0.1", "shared_buffers": "16MB", "max_connections": "40", "autovacuum": "off",
        ]
        all.merge(settings) { $1 }
        for (name, value) in all { arguments += ["-c", "\(name)=\(value)"] }
        let line = PostgresPrograms.command("postgres", arguments)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: line[0])
        process.arguments = Array(line.dropFirst())
        process.currentDirectoryURL = URL(fileURLWithPath: "/")
        let log = "\(directory)/log"
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
        process.standardOutput = FileHandle.nullDevice
        try LastingThread.run(process)
        self.process = process
        let deadline = StoreDeadline.after(milliseconds: 30_000)
        while true {
            do {
                _ = try link(by: .after(milliseconds: 1_000))
                return
            } catch {
                guard !deadline.hasPassed, process.isRunning else {
                    throw PostgresPrograms.Failure(text: (try? String(contentsOfFile: log, encoding: .utf8)) ?? "")
                }
                usleep(20_000)
            }
        }
    }

    /// Kills every process of the server at once, as a loss of power does, and removes the lock files.
    func kill() {
        guard let process, process.isRunning else { return }
        let children =
            (try? String(
                contentsOfFile: "/proc/\(process.processIdentifier)/task/\(process.processIdentifier)/children",
                encoding: .utf8)) ?? ""
        Glibc.kill(process.processIdentifier, SIGKILL)
        for child in children.split(separator: " ").compactMap({ Int32($0) }) { Glibc.kill(child, SIGKILL) }
        process.waitUntilExit()
        for name in ["data/postmaster.pid", ".s.PGSQL.\(port)", ".s.PGSQL.\(port).lock"] {
            unlink("\(directory)/\(name)")
        }
    }

    /// Stops as an administrator does (fast shutdown).
    func stop() {
        guard let process, process.isRunning else { return }
        Glibc.kill(process.processIdentifier, SIGINT)
        process.waitUntilExit()
    }

    /// Lets the service in with its password only.
    func requirePassword() throws {
        let file = "\(directory)/data/pg_hba.conf"
        try "host all \(Self.role) 127.0.0.1/32 scram-sha-256\nhost all \(Self.owner) 127.0.0.1/32 trust\n"
            .write(toFile: file, atomically: false, encoding: .utf8)
        try execute("SELECT pg_reload_conf()")
        usleep(200_000)
    }

    func connection(
        user: String = PostgresServer.role, password: String? = nil, prefix: String = PostgresServer.prefix,
        replicas: Int = 0, address: String? = nil
    ) throws -> StoreConnection {
        StoreConnection(
            address: try StoreAddress(address ?? "postgres://\(user)@127.0.0.1:\(port)/postgres"), password: password,
            caPath: nil, prefix: prefix, timeout: 1_000, replicas: replicas, durability: .strict)
    }

    func source(replicas: Int = 0) throws -> PostgresEngineSource {
        try PostgresEngineSource(try connection(replicas: replicas))
    }

    /// A connection of the superuser.
    func link(by deadline: StoreDeadline = .after(milliseconds: 5_000)) throws -> PostgresLink {
        var first = 0
        try PostgresLibrary.load()
        return try PostgresPlaces(try connection(user: Self.owner)).connect(from: &first, by: deadline)
    }

    func execute(_ text: String) throws { try link().runScript(text, by: .after(milliseconds: 20_000)) }

    /// The number that a query answers with.
    func number(_ query: String) throws -> Int64 {
        try link().run("SELECT (\(query))::bigint", by: .after(milliseconds: 20_000)).number(0, 0)
    }

    private static func freePort() throws -> Int {
        try lastPort.withLock { last in
            for _ in 0..<1_000 {
                last += 1
                let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
                defer { close(socket) }
                var address = sockaddr_in()
                address.sin_family = sa_family_t(AF_INET)
                address.sin_port = UInt16(last).bigEndian
                address.sin_addr.s_addr = inet_addr("127.0.0.1")
                let result = withUnsafePointer(to: &address) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                    }
                }
                if result == 0 { return last }
            }
            throw PostgresPrograms.Failure(text: "no free port")
        }
    }
}
