import Foundation
import Glibc
import HTTP
@testable import HTTPServer
import Platform
import Synchronization
import Telemetry
import Testing

@Suite("The end of a turn of an event loop")
struct TurnEndTests {
    /// Where the lines of the log go, by write.
    private final class Pieces: Sendable {
        private let pieces = Mutex<[String]>([])

        func add(_ lines: [UInt8]) { pieces.withLock { $0.append(String(decoding: lines, as: UTF8.self)) } }

        var all: [String] { pieces.withLock { $0 } }

        func contains(_ text: String) -> Bool { all.contains { $0.contains(text) } }
    }

    /// Logs the query of a request and answers with it; `/hold` keeps the loop busy until the gate opens, `/defer`
    /// answers and logs later, `/quiet` logs nothing.
    private final class LoggingHandler: Handler {
        private let log: Log
        private let gate: TestGate
        private let isHeld: Gate

        init(_ log: Log, _ gate: TestGate, _ isHeld: Gate) {
            self.log = log
            self.gate = gate
            self.isHeld = isHeld
        }

        func handle(
            _ request: borrowing Request, _ response: inout Response, _ exchange: borrowing Exchange
        ) -> Disposition {
            let path = request.text(request.path)
            let query = request.text(request.query)
            if path == "/hold" { isHeld.wait() }
            gate.handledCount.add(1, ordering: .relaxed)
            if path == "/defer" {
                let (copy, log) = (copy exchange, log)
                gate.hold {
                    copy.resume { _, response in
                        log.write(.info, "asked") { $0.add("query", query) }
                        response.body = Array(query.utf8)
                    }
                }
                return .deferred
            }
            if path != "/quiet" { log.write(.info, "asked") { $0.add("query", query) } }
            response.body = Array(query.utf8)
            return .answered
        }

        func admits(_ request: borrowing Request, _ response: inout Response) -> Bool { true }

        func refuse(_: RequestError, from _: PeerAddress, over _: Channel, _ response: inout Response) {
            response.status = 400
        }
    }

    private final class Gate: Sendable {
        private let semaphore = DispatchSemaphore(value: 0)

        func wait() { _ = semaphore.wait(timeout: .now() + 10) }
        func open() { semaphore.signal() }
    }

    private struct Fixture {
        let pieces = Pieces()
        let gate = TestGate()
        let hold = Gate()

        func server() throws -> TestServer {
            let pieces = pieces
            let log = Log(level: .info, form: .text, clock: WallClock { 0 }) { pieces.add($0) }
            return try TestServer(threads: 1) { [gate, hold] in LoggingHandler(log, gate, hold) }
        }
    }

    @Test func `writes the lines of all its requests at once, before their responses`() throws {
        let fixture = Fixture()
        let server = try fixture.server()
        defer { server.stop() }
        let holder = try TestClient(port: server.port)
        let clients = try (0..<20).map { _ in try TestClient(port: server.port) }
        for (number, client) in clients.enumerated() {
            client.send(get("/echo?warm\(number)"))
            #expect(client.receiveAnswer()?.body == "warm\(number)")
        }
        let before = fixture.pieces.all.count
        holder.send(get("/hold?0"))
        // The loop serves the holder; what arrives meanwhile is one later turn.
        usleep(50_000)
        for (number, client) in clients.enumerated() { client.send(get("/echo?n\(number)")) }
        usleep(50_000)
        fixture.hold.open()
        for (number, client) in clients.enumerated() {
            #expect(client.receiveAnswer()?.body == "n\(number)")
            #expect(fixture.pieces.contains("query=\"n\(number)\""))
        }
        #expect(holder.receiveAnswer()?.body == "0")
        // One write for the holder's turn, one for the other; a slow machine may need a few more.
        #expect(fixture.pieces.all.count - before <= 6)
    }

    @Test(arguments: 0..<20)
    func `a response never comes before its line`(_ round: Int) throws {
        let fixture = Fixture()
        let server = try fixture.server()
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        for number in 0..<50 {
            let name = "r\(round)n\(number)"
            client.send(get("/echo?\(name)"))
            #expect(client.receiveAnswer()?.body == name)
            #expect(fixture.pieces.contains("\"\(name)\""))
        }
    }

    /// Waits in the end of a turn until the gate opens, as a wake-up that takes long would.
    private final class SlowTask: TurnTask {
        let hasBegun = Atomic<Bool>(false)
        let gate = Gate()

        func endTurn() {
            guard !hasBegun.exchange(true, ordering: .sequentiallyConsistent) else { return }
            gate.wait()
        }
    }

    @Test func `wakes other threads before it sends`() throws {
        let fixture = Fixture()
        let task = SlowTask()
        let log = Log(level: .info, form: .text, clock: WallClock { 0 }) { fixture.pieces.add($0) }
        let server = try TestServer(threads: 1) { WakingHandler(log, task) }
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send(get("/"))
        #expect(eventually { task.hasBegun.load(ordering: .sequentiallyConsistent) })
        var byte: UInt8 = 0
        #expect(recv(client.descriptor, &byte, 1, Int32(MSG_DONTWAIT) | Int32(MSG_PEEK)) == -1)
        task.gate.open()
        #expect(client.receiveAnswer()?.body == "done")
    }

    /// Answers at once, with a line in the log and work for another thread.
    private final class WakingHandler: Handler {
        private let log: Log
        private let task: SlowTask

        init(_ log: Log, _ task: SlowTask) {
            self.log = log
            self.task = task
        }

        func handle(
            _ request: borrowing Request, _ response: inout Response, _ exchange: borrowing Exchange
        ) -> Disposition {
            log.write(.info, "asked")
            Turn.current?.atEnd(task)
            response.body = Array("done".utf8)
            return .answered
        }

        func admits(_ request: borrowing Request, _ response: inout Response) -> Bool { true }

        func refuse(_: RequestError, from _: PeerAddress, over _: Channel, _ response: inout Response) {}
    }

    /// Wants to know of one rest after each request.
    private final class Rester: RestTask {
        let isWaiting = Atomic<Bool>(false)
        let count = Atomic<Int>(0)

        var awaitsRest: Bool { isWaiting.load(ordering: .sequentiallyConsistent) }

        func rest() {
            isWaiting.store(false, ordering: .sequentiallyConsistent)
            count.add(1, ordering: .sequentiallyConsistent)
        }
    }

    private final class RestingHandler: Handler {
        private let task: Rester

        init(_ task: Rester) { self.task = task }

        func handle(
            _ request: borrowing Request, _ response: inout Response, _ exchange: borrowing Exchange
        ) -> Disposition {
            task.isWaiting.store(true, ordering: .sequentiallyConsistent)
            Turn.current?.beforeRest(task)
            return .answered
        }

        func admits(_ request: borrowing Request, _ response: inout Response) -> Bool { true }

        func refuse(_: RequestError, from _: PeerAddress, over _: Channel, _ response: inout Response) {}
    }

    @Test func `says that it rests before it sleeps, and only if somebody wants to know`() throws {
        let task = Rester()
        let server = try TestServer(threads: 1) { RestingHandler(task) }
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        for number in 1...3 {
            client.send(get("/"))
            #expect(client.receiveAnswer() != nil)
            #expect(eventually { task.count.load(ordering: .sequentiallyConsistent) == number })
        }
    }

    @Test func `deferred responses of one batch share a write too`() throws {
        let fixture = Fixture()
        let server = try fixture.server()
        defer { server.stop() }
        let clients = try (0..<20).map { _ in try TestClient(port: server.port) }
        for (number, client) in clients.enumerated() { client.send(get("/defer?d\(number)")) }
        #expect(eventually { fixture.gate.heldCount == 20 })
        // As the journal thread answers a batch: the loop is woken once, at the end.
        let turn = Turn(collectsLines: false)
        turn.begin()
        fixture.gate.releaseAll()
        turn.finish()
        for (number, client) in clients.enumerated() {
            #expect(client.receiveAnswer()?.body == "d\(number)")
            #expect(fixture.pieces.contains("\"d\(number)\""))
        }
        #expect(fixture.pieces.all.count <= 3)
    }

    @Test func `pipelined requests are answered in order, with and without lines`() throws {
        let fixture = Fixture()
        let server = try fixture.server()
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send((0..<200).map { get("\($0 % 3 == 0 ? "/echo" : "/quiet")?\($0)") }.joined())
        for number in 0..<200 { #expect(client.receiveAnswer()?.body == "\(number)") }
        #expect(fixture.pieces.all.joined().split(separator: "\n").count == 67)
    }

    @Test func `a response that waited has nothing of one that waited before it`() throws {
        let fixture = Fixture()
        let server = try fixture.server()
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        for byteCount in [3_000, 1, 6_000, 2, 700, 5_000, 20] {
            let letters = String(repeating: "\(byteCount % 10)", count: byteCount)
            client.send(get("/echo?\(letters)"))
            #expect(client.receiveAnswer()?.body == letters)
        }
    }

    @Test func `nothing is lost when the server stops`() throws {
        let fixture = Fixture()
        let server = try fixture.server()
        let client = try TestClient(port: server.port)
        client.send(get("/echo?last"))
        #expect(server.stop())
        #expect(client.receiveAll().contains("last"))
        #expect(fixture.pieces.contains("\"last\""))
    }

    @Test func `a thread with turns wakes a loop once for all its items`() throws {
        let mailbox = try LoopMailbox()
        let turn = Turn(collectsLines: false)
        turn.begin()
        defer { turn.finish() }
        for _ in 0..<3 { #expect(mailbox.post(.drain)) }
        #expect(!isReadable(mailbox.descriptor))
        turn.end()
        #expect(isReadable(mailbox.descriptor))
        var items: [LoopMailbox.Item] = []
        mailbox.collect(into: &items)
        #expect(items.count == 3)
        // What the loop has collected by itself needs no wake-up.
        items = []
        #expect(mailbox.post(.drain))
        mailbox.collect(into: &items)
        turn.end()
        #expect(!isReadable(mailbox.descriptor))
    }

    private func isReadable(_ descriptor: Int32) -> Bool {
        var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&watched, 1, 0) > 0
    }
}
