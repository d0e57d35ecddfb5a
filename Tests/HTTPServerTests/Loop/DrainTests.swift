import Foundation
import Glibc
import HTTP
@testable import HTTPServer
import Synchronization
import Testing

@Suite("Draining")
struct DrainTests {
    /// Requests that were sent on a connection that was made, and how they ended.
    private final class Tally: Sendable {
        let answered = Atomic<Int>(0)
        let lost = Atomic<Int>(0)
    }

    /// Asks one request after another, on a new connection after each `Connection: close`, until it is refused one.
    private static func ask(_ port: UInt16, _ target: String, _ tally: Tally) {
        while let client = try? TestClient(port: port) {
            while true {
                guard let answer = client.ask(get(target)) else {
                    tally.lost.add(1, ordering: .relaxed)
                    return
                }
                tally.answered.add(1, ordering: .relaxed)
                if answer.field("Connection") == "close" { break }
            }
        }
    }

    @Test(arguments: ["/echo", "/now"])
    func `loses no request of forty busy clients`(_ target: String) throws {
        var limits = Limits()
        limits.drainNotice = .seconds(2)
        let server = try TestServer(limits: limits)
        let tally = Tally()
        let group = DispatchGroup()
        for _ in 0..<40 {
            group.enter()
            let port = server.port
            Thread.detachNewThread {
                Self.ask(port, target, tally)
                group.leave()
            }
        }
        #expect(eventually { tally.answered.load(ordering: .relaxed) > 2_000 })
        #expect(server.stop())
        #expect(group.wait(timeout: .now() + 20) == .success)
        #expect(tally.lost.load(ordering: .relaxed) == 0)
        #expect(server.counters.open.load(ordering: .relaxed) == 0)
    }

    @Test func `answers what waits, tells that it closes, and ends`() throws {
        let server = try TestServer()
        let client = try TestClient(port: server.port)
        let idle = try TestClient(port: server.port)
        #expect(idle.ask(get("/echo"))?.status == 200)
        client.send(get("/defer?x") + get("/echo"))
        #expect(eventually { server.gate.heldCount == 1 })
        server.server.beginDrain()
        let isDraining = server.counters.isDraining.load(ordering: .relaxed)
        #expect(isDraining)
        #expect(idle.receiveAll() == "")
        #expect(!server.hasEnded(within: 0.2))
        server.gate.releaseAll()
        let answer = client.receiveAnswer()
        #expect(answer?.body == "deferred x")
        #expect(answer?.field("Connection") == "close")
        // The second was not begun, and the connection closes without a word about it.
        #expect(client.receiveAll() == "")
        #expect(server.hasEnded(within: 10))
    }

    @Test func `does not wait longer than its deadline`() throws {
        var limits = Limits()
        (limits.drainNotice, limits.drainDeadline) = (.zero, .milliseconds(100))
        let server = try TestServer(limits: limits)
        let client = try TestClient(port: server.port)
        client.send(get("/defer?x"))
        #expect(eventually { server.gate.heldCount == 1 })
        #expect(server.stop())
        #expect(client.receiveAll() == "")
        // Late, and without effect.
        server.gate.releaseAll()
        #expect(server.gate.ranCount.load(ordering: .relaxed) == 0)
    }

    @Test func `takes in who connects during the notice`() throws {
        var limits = Limits()
        limits.drainNotice = .seconds(2)
        let server = try TestServer(limits: limits)
        server.server.beginDrain()
        let late = try TestClient(port: server.port)
        let answer = late.ask(get("/echo"))
        #expect(answer?.status == 200)
        #expect(answer?.field("Connection") == "close")
        #expect(server.hasEnded(within: 10))
        #expect(throws: TestClient.Refused.self) { try TestClient(port: server.port) }
    }
}
