import Foundation
import Glibc
import HTTP
@testable import HTTPServer
import Testing

@Suite("Sockets that were given")
struct InheritanceTests {
    @Test(
        arguments: [
            ([:], []), (["LISTEN_PID": "7"], []), (["LISTEN_FDS": "1"], []),
            (["LISTEN_PID": "8", "LISTEN_FDS": "1"], []), (["LISTEN_PID": "07", "LISTEN_FDS": "1"], []),
            (["LISTEN_PID": "7", "LISTEN_FDS": "0"], []), (["LISTEN_PID": "7", "LISTEN_FDS": "-1"], []),
            (["LISTEN_PID": "7", "LISTEN_FDS": "254"], []), (["LISTEN_PID": "7", "LISTEN_FDS": "x"], []),
            (["LISTEN_PID": "7", "LISTEN_FDS": "2"], ["unknown", "unknown"]),
            (["LISTEN_PID": "7", "LISTEN_FDS": "3", "LISTEN_FDNAMES": "web::"], ["web", "unknown", "unknown"]),
            (["LISTEN_PID": "7", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "a:b"], ["a"]),
        ] as [([String: String], [String])])
    func `are what the environment says, to this process`(_ environment: [String: String], _ names: [String]) {
        #expect(InheritedSocket.names(environment, process: 7) == names)
    }

    private static func listening(_ address: ListenAddress = .tcp(host: "127.0.0.1", port: 0)) throws -> Int32 {
        let target = try SocketAddress(address)
        let made = socket(target.family, Int32(SOCK_STREAM.rawValue), 0)
        try #require(target.withPointer { bind(made, $0, $1) } == 0 && listen(made, 16) == 0)
        return made
    }

    private static func server(_ listeners: [Listener], _ inherited: [InheritedSocket]) throws -> Server {
        var options = ServerOptions(listeners: listeners, threads: 1, counters: ConnectionCounters())
        options.inherited = inherited
        options.limits.drainNotice = .zero
        return try Server(options) { _ in TestHandler(gate: TestGate()) }
    }

    @Test func `are taken by name or by address, and stay open for others`() throws {
        let (named, addressed) = (try Self.listening(), try Self.listening())
        // What a manager would keep.
        let kept = dup(addressed)
        defer { close(kept) }
        let port = try #require(SocketAddress(of: addressed)).port
        let server = try Self.server(
            [
                Listener(address: .tcp(host: "127.0.0.1", port: port), role: .operator),
                Listener(address: .inherited(name: "web"), role: .service),
            ],
            [
                InheritedSocket(named, name: "web", isManaged: true),
                InheritedSocket(addressed, name: "other", isManaged: true),
            ])
        #expect(server.boundPorts == [port, try #require(SocketAddress(of: named)).port])
        let finished = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            server.run()
            finished.signal()
        }
        let answer = try TestClient(port: port).ask(get("/echo"))
        #expect(answer?.body.hasPrefix("get /echo? operator ") == true)
        #expect(try TestClient(port: server.boundPorts[1]).ask(get("/echo"))?.status == 200)
        server.beginDrain()
        #expect(finished.wait(timeout: .now() + 20) == .success)
        // The queue outlives the server: connections go in, and nothing was done to the socket that keeps them out.
        #expect(throws: Never.self) { try TestClient(port: port) }
    }

    @Test func `have to be there for who asks by name, and asked for by somebody`() throws {
        #expect(throws: ServerError.notInherited(name: "web")) {
            try Self.server([Listener(address: .inherited(name: "web"), role: .service)], [])
        }
        let descriptor = try Self.listening()
        defer { close(descriptor) }
        let address = try #require(SocketAddress(of: descriptor)).description
        #expect(throws: ServerError.inheritedUnused(name: "web", address: address)) {
            try Self.server(
                [Listener(address: .tcp(host: "127.0.0.1", port: 0), role: .service)],
                [InheritedSocket(descriptor, name: "web", isManaged: true)])
        }
    }

    @Test func `have to listen`() throws {
        let idle = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let datagram = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        let file = open("/dev/null", O_RDONLY)
        for descriptor in [idle, datagram, file, -1] {
            #expect(throws: ServerError.inheritedUnusable(name: "x")) {
                try InheritedSocket(descriptor, name: "x", isManaged: true)
            }
        }
        for descriptor in [idle, datagram, file] { close(descriptor) }
    }

    @Test func `a Unix socket has the mode that was asked for`() throws {
        let path = "/tmp/martlet-test-\(UInt64.random(in: 0 ... .max)).sock"
        var listener = Listener(address: .unix(path: path), role: .service)
        listener.mode = 0o600
        let server = try TestServer(listeners: [listener])
        var information = stat()
        #expect(stat(path, &information) == 0 && information.st_mode & 0o777 == 0o600)
        server.stop()
    }

    @Test func `go from one server to the next, queue and all`() throws {
        let base = "/tmp/martlet-test-\(UInt64.random(in: 0 ... .max))"
        let listeners = [
            Listener(address: .tcp(host: "127.0.0.1", port: 0), role: .service),
            Listener(address: .unix(path: base + ".sock"), role: .service),
        ]
        let first = try TestServer(listeners: listeners)
        let point = try HandoverServer(path: base + ".handover")
        try point.serve(first.server) { first.server.beginDrain() }
        let sockets = try #require(try HandoverServer.takeOver(path: base + ".handover"))
        #expect(sockets.count == 2 && first.hasEnded(within: 20))
        #expect(access(base + ".handover", F_OK) != 0 && access(base + ".sock", F_OK) == 0)
        // Nobody accepts now; who comes waits.
        let waiting = try TestClient(port: first.port)
        waiting.send(get("/echo"))
        let second = try Self.server(
            [Listener(address: .tcp(host: "127.0.0.1", port: first.port), role: .service), listeners[1]], sockets)
        let finished = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            second.run()
            finished.signal()
        }
        #expect(waiting.receiveAnswer()?.status == 200)
        #expect(try TestClient(.unix(path: base + ".sock")).ask(get("/echo"))?.status == 200)
        second.beginDrain()
        #expect(finished.wait(timeout: .now() + 20) == .success)
        #expect(access(base + ".sock", F_OK) != 0)
        #expect(try HandoverServer.takeOver(path: base + ".handover") == nil)
    }

    @Test func `a successor that says nothing, or something else, changes nothing`() throws {
        let path = "/tmp/martlet-test-\(UInt64.random(in: 0 ... .max)).handover"
        let server = try TestServer()
        defer { server.stop() }
        let point = try HandoverServer(path: path)
        defer { point.remove() }
        try point.serve(server.server) { server.server.beginDrain() }
        for text in ["", "martlet handover 2\n"] {
            let stranger = socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0)
            let address = try SocketAddress(.unix(path: path))
            #expect(address.withPointer { connect(stranger, $0, $1) } == 0)
            send(stranger, text, text.utf8.count, Int32(MSG_NOSIGNAL))
            close(stranger)
        }
        #expect(try TestClient(port: server.port).ask(get("/echo"))?.status == 200)
        #expect(access(path, F_OK) == 0)
    }
}
