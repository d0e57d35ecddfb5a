import Foundation
import Glibc
import HTTP
@testable import HTTPServer
import Synchronization
import Testing

@Suite("Slow and many clients (L6)")
struct LimitTests {
    private static func limits(_ change: (inout Limits) -> Void) -> Limits {
        var limits = Limits()
        limits.drainNotice = .zero
        change(&limits)
        return limits
    }

    @Test func `a head that does not end is 408`() throws {
        let server = try TestServer(limits: Self.limits { $0.headDeadline = .milliseconds(150) })
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send(get("/echo"))
        #expect(client.receiveAnswer()?.status == 200)
        // Each byte is progress, and none of it buys time: the answer comes while bytes still arrive. If each byte moved the
        // deadline, it could not come before the last of them, 400 x 20 ms later.
        let sent = Atomic<Int>(0)
        let count = 400
        let head = Array("GET / HTTP/1.1\r\nHost: a\r\nX: ".utf8)
        let trickle = head + [UInt8](repeating: UInt8(ascii: "y"), count: count - head.count)
        Thread.detachNewThread {
            for byte in trickle where client.send([byte]) {
                sent.add(1, ordering: .relaxed)
                usleep(20_000)
            }
        }
        let answer = client.receiveAnswer()
        #expect(answer?.status == 408)
        #expect(sent.load(ordering: .relaxed) < count)
        #expect(answer?.field("Connection") == "close")
        #expect(server.counters.timedOut.load(ordering: .relaxed) == 1)
    }

    @Test func `content that does not end is 408`() throws {
        let server = try TestServer(limits: Self.limits { $0.bodyDeadline = .milliseconds(150) })
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell")
        let all = client.receiveAll()
        #expect(all.hasPrefix("HTTP/1.1 408 "))
        #expect(!all.hasSuffix("RESET") && !all.hasSuffix("TIMEOUT"))
    }

    @Test func `an idle connection ends without a word`() throws {
        let server = try TestServer(limits: Self.limits { $0.idleDeadline = .seconds(1) })
        defer { server.stop() }
        let fresh = try TestClient(port: server.port)
        let used = try TestClient(port: server.port)
        #expect(used.ask(get("/echo"))?.status == 200)
        #expect(fresh.receiveAll() == "")
        #expect(used.receiveAll() == "")
        #expect(eventually { server.counters.open.load(ordering: .relaxed) == 0 })
    }

    @Test func `a peer that takes nothing is let go`() throws {
        let server = try TestServer(limits: Self.limits { $0.writeDeadline = .milliseconds(150) })
        defer { server.stop() }
        let client = try TestClient(port: server.port, receiveBuffer: 4_096)
        for _ in 0..<100 { client.send(get("/large/100000")) }
        #expect(eventually { server.counters.timedOut.load(ordering: .relaxed) == 1 })
        #expect(eventually { server.counters.open.load(ordering: .relaxed) == 0 })
    }

    @Test func `a slow deferred answer is not a slow client`() throws {
        let limits = Self.limits {
            ($0.headDeadline, $0.bodyDeadline) = (.milliseconds(500), .milliseconds(500))
            ($0.idleDeadline, $0.writeDeadline) = (.milliseconds(500), .milliseconds(500))
        }
        let server = try TestServer(limits: limits)
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send(get("/defer?x"))
        #expect(eventually { server.gate.heldCount == 1 })
        usleep(1_200_000)
        server.gate.releaseAll()
        #expect(client.receiveAnswer()?.body == "deferred x")
    }

    @Test func `one connection too many is 503, and there is room again`() throws {
        let server = try TestServer(limits: Self.limits { $0.connectionsMax = 3 })
        defer { server.stop() }
        var clients = try (0..<3).map { _ in try TestClient(port: server.port) }
        for client in clients { #expect(client.ask(get("/echo"))?.status == 200) }
        let excess = try TestClient(port: server.port)
        excess.send(get("/echo"))
        let all = excess.receiveAll()
        #expect(all.hasPrefix("HTTP/1.1 503 "))
        #expect(!all.hasSuffix("RESET"))
        #expect(server.counters.refused.load(ordering: .relaxed) == 1)
        clients.removeLast()
        #expect(eventually { server.counters.open.load(ordering: .relaxed) <= 2 })
        #expect(try TestClient(port: server.port).ask(get("/echo"))?.status == 200)
    }

    @Test func `one source may have so many, another has its own`() throws {
        let listeners = ["127.0.0.1", "::1"].map { Listener(address: .tcp(host: $0, port: 0), role: .service) }
        let server = try TestServer(listeners: listeners, limits: Self.limits { $0.connectionsPerSourceMax = 2 })
        defer { server.stop() }
        var clients = try (0..<2).map { _ in try TestClient(port: server.port) }
        for client in clients { #expect(client.ask(get("/echo"))?.status == 200) }
        #expect(try TestClient(port: server.port).receiveAll().hasPrefix("HTTP/1.1 503 "))
        let other = try TestClient(.tcp(host: "::1", port: server.server.boundPorts[1]))
        #expect(other.ask(get("/echo"))?.body == "get /echo? service 0:0:0:0:0:0:0:1\n")
        clients.removeLast()
        #expect(eventually { server.counters.open.load(ordering: .relaxed) <= 2 })
        #expect(try TestClient(port: server.port).ask(get("/echo"))?.status == 200)
    }

    @Test func `idle connections hold no buffers`() throws {
        let server = try TestServer(threads: 1)
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        #expect(client.ask(get("/echo"))?.status == 200)
        #expect(MemoryLayout<Connection>.stride <= 512)
    }
}
