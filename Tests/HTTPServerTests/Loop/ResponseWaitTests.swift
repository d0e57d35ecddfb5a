import Foundation
import Glibc
import HTTP
@testable import HTTPServer
import Synchronization
import Testing

/// The waits of one server and what their handler has learned.
private final class Waits: Sendable {
    struct Log {
        var waits: [ResponseWait] = []
        var events: [ResponseWait.Event] = []
    }

    private let log = Mutex(Log())
    /// Tells how much processor time the loop has used.
    let loopClock = Atomic<Int32>(CLOCK_THREAD_CPUTIME_ID)

    /// The processor time of the loop, in seconds.
    var loopSeconds: Double {
        var time = timespec()
        clock_gettime(loopClock.load(ordering: .relaxed), &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1_000_000_000
    }

    var all: [ResponseWait] { log.withLock { $0.waits } }
    var events: [ResponseWait.Event] { log.withLock { $0.events } }

    func add(_ wait: ResponseWait) { log.withLock { $0.waits.append(wait) } }

    /// Answers at once when the server stops.
    func note(_ event: ResponseWait.Event) {
        log.withLock { $0.events.append(event) }
        if event == .stopping { answerAll("stopped") }
    }

    func answerAll(_ text: String) {
        for wait in all {
            wait.answer { _, response in
                response.body = Array(text.utf8)
                return nil
            }
        }
    }
}

/// `/wait` waits, `/stream` waits and then streams content of a known length; every other path has the plain content
/// `plain`.
private final class WaitHandler: Handler {
    private let waits: Waits

    init(_ waits: Waits) {
        self.waits = waits
    }

    func handle(_ request: borrowing Request, _ response: inout Response, _ exchange: borrowing Exchange) -> Disposition
    {
        let waits = waits
        var clock = clockid_t()
        if pthread_getcpuclockid(pthread_self(), &clock) == 0 { waits.loopClock.store(clock, ordering: .relaxed) }
        switch request.text(request.path) {
        case "/wait":
            let wait = exchange.wait { waits.note($0) }
            waits.add(wait)
            return .waiting(wait)
        case "/stream":
            let exchange = copy exchange
            let wait = exchange.wait { waits.note($0) }
            wait.answer { _, response in
                response.contentByteCount = 10
                let stream = exchange.stream { _ in }
                _ = stream.send(Array("five ".utf8))
                _ = stream.send(Array("bytes".utf8))
                stream.end()
                return stream
            }
            return .waiting(wait)
        default:
            response.body = Array("plain".utf8)
            return .answered
        }
    }

    func admits(_: borrowing Request, _: inout Response) -> Bool { true }

    func refuse(_ fault: RequestError, from _: PeerAddress, over _: Channel, _ response: inout Response) {
        response.status = fault.status
    }
}

@Suite("Responses that wait")
struct ResponseWaitTests {
    private let waits = Waits()

    private func server(_ limits: Limits? = nil) throws -> TestServer {
        let listener = Listener(address: .tcp(host: "127.0.0.1", port: 0), role: .service)
        return try TestServer(threads: 1, listeners: [listener], limits: limits) { [waits] in WaitHandler(waits) }
    }

    @Test func `are sent when they are ready, and the connection continues`() throws {
        let server = try server()
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send(get("/wait") + get("/plain"))
        #expect(eventually { waits.all.count == 1 })
        waits.answerAll("late")
        #expect(client.receiveAnswer()?.body == "late")
        // The request behind it.
        #expect(client.receiveAnswer()?.body == "plain")
        #expect(client.ask(get("/plain"))?.body == "plain")
        #expect(waits.events.isEmpty)
        // Only the first answer counts.
        #expect(waits.all.first?.answer { _, _ in nil } == false)
    }

    @Test func `may stream content whose length is known`() throws {
        let server = try server()
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send(get("/stream") + get("/plain"))
        let answer = client.receiveAnswer()
        #expect(answer?.body == "five bytes")
        #expect(answer?.field("Content-Length") == "10" && answer?.field("Transfer-Encoding") == nil)
        #expect(client.receiveAnswer()?.body == "plain")
        client.send("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(client.receiveAnswer(toHead: true)?.field("Content-Length") == "10")
        client.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(client.receiveAnswer()?.body == "five bytes")
        #expect(client.ask(get("/plain"))?.body == "plain")
        let newer = try FrameClient(port: server.port, window: 65_535)
        newer.ask("/stream", stream: 1)
        var content: [UInt8] = []
        while content.count < 10, let frame = newer.receive(FrameClient.data, stream: 1) { content += frame.content }
        #expect(content == Array("five bytes".utf8))
    }

    @Test func `keep what the client sends meanwhile`() throws {
        let server = try server()
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send(get("/wait") + "GET /pl")
        #expect(eventually { waits.all.count == 1 })
        client.send("ain HTTP/1.1\r\nHost: a\r\n\r\n")
        usleep(50_000)
        waits.answerAll("late")
        #expect(client.receiveAnswer()?.body == "late")
        #expect(client.receiveAnswer()?.body == "plain")
    }

    @Test(arguments: [false, true])
    func `are forgotten at once when the client leaves`(_ onlyEndsItsSide: Bool) throws {
        let server = try server()
        defer { server.stop() }
        var client: TestClient? = try TestClient(port: server.port)
        client?.send(get("/wait"))
        #expect(eventually { waits.all.count == 1 })
        if onlyEndsItsSide { client?.endSending() } else { client = nil }
        #expect(eventually { waits.events == [.closed] })
        #expect(eventually { server.counters.open.load(ordering: .relaxed) == 0 })
        #expect(waits.all.first?.answer { _, _ in nil } == false)
    }

    @Test func `are forgotten at once when the client resets its HTTP/2 stream`() throws {
        let server = try server()
        defer { server.stop() }
        let client = try FrameClient(port: server.port, window: 65_535)
        client.ask("/wait", stream: 1)
        #expect(eventually { waits.all.count == 1 })
        client.send(3, stream: 1, content: [0, 0, 0, 8])
        #expect(eventually { waits.events == [.closed] })
        client.ask("/wait", stream: 3)
        #expect(eventually { waits.all.count == 2 })
        waits.answerAll("late")
        #expect(client.receive(FrameClient.data, stream: 3)?.content == Array("late".utf8))
        // The connection itself.
        client.ask("/plain", stream: 5)
        #expect(client.receive(FrameClient.data, stream: 5)?.content == Array("plain".utf8))
        #expect(waits.events == [.closed])
    }

    @Test func `come before the server has stopped`() throws {
        var limits = Limits()
        (limits.drainNotice, limits.drainDeadline) = (.milliseconds(10), .seconds(20))
        let server = try server(limits)
        let client = try TestClient(port: server.port)
        client.send(get("/wait"))
        #expect(eventually { waits.all.count == 1 })
        server.server.beginDrain()
        let answer = client.receiveAnswer()
        #expect(answer?.body == "stopped")
        #expect(answer?.field("Connection") == "close")
        #expect(waits.events == [.stopping])
        client.endSending()
        #expect(server.hasEnded(within: 10))
    }

    @Test func `many on one loop use no processor time while they wait`() throws {
        let server = try server()
        defer { server.stop() }
        let clients = try (0..<100).map { _ in try TestClient(port: server.port) }
        for client in clients { client.send(get("/wait")) }
        #expect(eventually { waits.all.count == 100 })
        let before = waits.loopSeconds
        usleep(300_000)
        #expect(waits.loopSeconds - before < 0.1)
        waits.answerAll("late")
        for client in clients { #expect(client.receiveAnswer()?.body == "late") }
    }
}
