import Foundation
import Glibc
import HTTP
@testable import HTTPServer
import Testing

@Suite("Deferred answers")
struct DeferralTests {
    @Test func `keep their place among pipelined requests`() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send(get("/echo?1") + get("/defer?2") + get("/echo?3") + get("/now?4") + get("/echo?5"))
        #expect(client.receiveAnswer()?.body.hasPrefix("get /echo?1") == true)
        #expect(eventually { server.gate.heldCount == 1 })
        // Nothing behind it is handled before it is answered.
        #expect(server.gate.handledCount.load(ordering: .relaxed) == 2)
        client.send(get("/echo?6"))
        server.gate.releaseAll()
        #expect(client.receiveAnswer()?.body == "deferred 2")
        #expect(client.receiveAnswer()?.body.hasPrefix("get /echo?3") == true)
        #expect(client.receiveAnswer()?.body == "deferred 4")
        #expect(client.receiveAnswer()?.body.hasPrefix("get /echo?5") == true)
        #expect(client.receiveAnswer()?.body.hasPrefix("get /echo?6") == true)
    }

    @Test func `come to every one of many connections, released from another thread`() throws {
        let server = try TestServer()
        defer { server.stop() }
        let clients = try (0..<50).map { _ in try TestClient(port: server.port) }
        for (number, client) in clients.enumerated() { client.send(get("/defer?\(number)")) }
        #expect(eventually { server.gate.heldCount == 50 })
        server.gate.releaseAll()
        for (number, client) in clients.enumerated() { #expect(client.receiveAnswer()?.body == "deferred \(number)") }
    }

    @Test func `may follow work that another thread hands to the loop`() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send(get("/perform"))
        #expect(eventually { server.gate.heldCount == 1 })
        server.gate.releaseAll()
        #expect(client.receiveAnswer()?.body == "on the loop")
    }

    @Test func `reach a peer that has ended its side`() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send(get("/defer?x"))
        client.endSending()
        #expect(eventually { server.gate.heldCount == 1 })
        usleep(50_000)
        server.gate.releaseAll()
        #expect(client.receiveAnswer()?.body == "deferred x")
        #expect(client.receiveAll() == "")
    }

    @Test func `are dropped when their connection is gone, even if another has its place`() throws {
        let server = try TestServer(threads: 1)
        defer { server.stop() }
        var gone: TestClient? = try TestClient(port: server.port)
        gone?.send(get("/defer?old"))
        #expect(eventually { server.gate.heldCount == 1 })
        // A reset, which a server that reads nothing meanwhile still sees.
        var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
        if let descriptor = gone?.descriptor {
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        }
        gone = nil
        #expect(eventually { server.counters.open.load(ordering: .relaxed) == 0 })
        let next = try TestClient(port: server.port)
        next.send(get("/defer?new"))
        #expect(eventually { server.gate.heldCount == 2 })
        server.gate.releaseAll()
        #expect(next.receiveAnswer()?.body == "deferred new")
        #expect(next.ask(get("/echo"))?.status == 200)
        #expect(server.gate.ranCount.load(ordering: .relaxed) == 1)
    }
}
