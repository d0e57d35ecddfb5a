import Foundation
import Glibc
import HTTP
@testable import HTTPServer
import Testing

@Suite("Rates, memory and handshakes")
struct BoundTests {
    private static func limits(_ change: (inout Limits) -> Void) -> Limits {
        var limits = Limits()
        limits.drainNotice = .zero
        change(&limits)
        return limits
    }

    @Test func `content has its grace, then what its octets are worth, and its deadline in the end`() {
        let deadlines = Deadlines(
            Self.limits {
                ($0.rateMin, $0.rateGrace, $0.bodyDeadline) = (100, .seconds(5), .seconds(10))
            })
        #expect(deadlines.content(began: 1_000, received: 0) == 6_000)
        #expect(deadlines.content(began: 1_000, received: 250) == 8_500)
        #expect(deadlines.content(began: 1_000, received: 100_000) == 11_000)
        #expect(deadlines.content(began: 1_000, received: -1) == 6_000)
        #expect(deadlines.content(began: 1_000, received: .max) == 11_000)
        let free = Deadlines(Self.limits { ($0.rateMin, $0.bodyDeadline) = (0, .seconds(10)) })
        #expect(free.content(began: 1_000, received: 0) == 11_000)
    }

    @Test func `an answer may wait, but not for as long as a peer likes to sip at it`() {
        let deadlines = Deadlines(Self.limits { ($0.rateMin, $0.writeDeadline) = (100, .seconds(10)) })
        #expect(deadlines.answer(began: 0, taken: 0, now: 0) == 10_000)
        #expect(deadlines.answer(began: 0, taken: 100, now: 9_000) == 11_000)
        #expect(deadlines.answer(began: 0, taken: 1_000_000, now: 9_000) == 19_000)
    }

    @Test func `content that trickles is 408 before its deadline`() throws {
        let server = try TestServer(
            limits: Self.limits {
                ($0.rateGrace, $0.rateMin, $0.headDeadline) = (.milliseconds(200), 1_000, .seconds(1))
            })
        defer { server.stop() }
        for head in ["Content-Length: 5000", "Transfer-Encoding: chunked"] {
            let client = try TestClient(port: server.port)
            client.send("POST / HTTP/1.1\r\nHost: a\r\n\(head)\r\n\r\n")
            Thread.detachNewThread {
                for _ in 0..<400 where client.send(head.hasPrefix("T") ? "1\r\nx\r\n" : "x") { usleep(20_000) }
            }
            #expect(client.receiveAnswer()?.status == 408)
        }
    }

    @Test func `content that comes fast enough may take longer than the grace`() throws {
        let server = try TestServer(
            limits: Self.limits { ($0.rateGrace, $0.rateMin, $0.headDeadline) = (.seconds(1), 100, .seconds(5)) })
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
        for _ in 0..<100 {
            client.send([UInt8](repeating: 0x78, count: 10))
            usleep(20_000)
        }
        #expect(client.receiveAnswer()?.status == 200)
    }

    @Test func `who keeps the most gives way, and whole requests go on`() throws {
        let server = try TestServer(
            threads: 1,
            limits: Self.limits {
                ($0.bufferByteCountMax, $0.rateGrace, $0.bodyDeadline) = (400_000, .seconds(60), .seconds(60))
            })
        defer { server.stop() }
        let small = try TestClient(port: server.port)
        small.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe")
        var greedy: [TestClient] = []
        for _ in 0..<20 {
            let client = try TestClient(port: server.port)
            client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n")
            for _ in 0..<3 {
                client.send([UInt8](repeating: 0x78, count: 16_000))
                usleep(2_000)
            }
            greedy.append(client)
            #expect(try TestClient(port: server.port).ask(get("/echo"))?.status == 200)
            #expect(server.counters.buffered.load(ordering: .relaxed) <= 400_000 + 131_072)
        }
        #expect(eventually { server.counters.shed.load(ordering: .relaxed) >= 10 })
        let refused = greedy.filter { $0.receiveWithin(milliseconds: 50)?.hasPrefix("HTTP/1.1 503 ") == true }
        #expect(refused.count >= 10)
        small.send("llo")
        #expect(small.receiveAnswer()?.status == 200)
        greedy.removeAll()
        #expect(eventually { server.counters.buffered.load(ordering: .relaxed) == 0 })
    }

    @Test func `memory that is full lets nobody new in`() throws {
        let server = try TestServer(threads: 1, limits: Self.limits { $0.bufferByteCountMax = 1 })
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        #expect(client.ask(get("/echo"))?.status == 200)
        server.counters.buffered.add(2, ordering: .relaxed)
        #expect(try TestClient(port: server.port).receiveAll().hasPrefix("HTTP/1.1 503 "))
        #expect(client.ask(get("/echo"))?.status == 200)
        server.counters.buffered.subtract(2, ordering: .relaxed)
        #expect(try TestClient(port: server.port).ask(get("/echo"))?.status == 200)
    }

    @Test func `handshakes are remembered in their order, and a turn does a few of their steps`() {
        var queue = HandshakeQueue()
        for number in 0..<5_000 { queue.begin(UInt64(number)) }
        #expect(queue.count == 5_000 && queue.oldest == 0)
        for _ in 0..<4_000 { queue.dropOldest() }
        queue.begin(5_000)
        #expect(queue.oldest == 4_000)
        var steps = 0
        for _ in 0..<100 where queue.takeStep() { steps += 1 }
        #expect(steps > 0 && steps < 100)
        queue.beginTurn()
        let hasRoom = queue.takeStep()
        #expect(hasRoom)
        for _ in 0..<5_001 { queue.end() }
        #expect(queue.count == 0 && queue.oldest == nil)
        queue.dropOldest()
        #expect(queue.oldest == nil)
    }

    @Test(arguments: [
        String(repeating: "a", count: 254), "a:123456", "[::1", "[::g]", "[v1.x]", "[]", "[::1]:123456", "[1.2.3.4]",
        ":80",
    ])
    func `a Host longer or other than one is refused`(_ host: String) {
        let text = "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n"
        #expect(Reading(Array(text.utf8)).fault == .hostMissingOrRepeated)
    }

    @Test(arguments: [String(repeating: "a", count: 253) + ":65535", "[2001:db8::1]:443", "[::ffff:192.0.2.1]"])
    func `a Host as long as one may be is taken`(_ host: String) {
        let text = "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n"
        #expect(Reading(Array(text.utf8)).messages.count == 1)
    }
}

extension TestClient {
    /// What comes within a short time, as text.
    func receiveWithin(milliseconds: Int) -> String? {
        var limit = timeval(tv_sec: 0, tv_usec: milliseconds * 1_000)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        return receive().map { String(decoding: $0, as: UTF8.self) }
    }
}
