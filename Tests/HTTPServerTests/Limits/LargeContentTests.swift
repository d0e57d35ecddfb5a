import Foundation
import HTTP
@testable import HTTPServer
import Synchronization
import Testing

@Suite("Content that only some requests may have")
struct LargeContentTests {
    private static func content(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(ascii: "a") + UInt8($0 % 23) } }

    private static func head(_ path: String, _ framing: String) -> String {
        "POST \(path) HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n"
    }

    private static func chunked(_ content: [UInt8], _ size: Int) -> [UInt8] {
        var all: [UInt8] = []
        var rest = content[...]
        while !rest.isEmpty {
            all +=
                Array("\(String(min(size, rest.count), radix: 16))\r\n".utf8) + rest.prefix(size) + Array("\r\n".utf8)
            rest = rest.dropFirst(size)
        }
        return all + Array("0\r\n\r\n".utf8)
    }

    /// Sends in pieces of one size, so that messages end within reads.
    private static func send(_ bytes: [UInt8], to client: TestClient, by size: Int) {
        var rest = bytes[...]
        while !rest.isEmpty, client.send(Array(rest.prefix(size))) { rest = rest.dropFirst(size) }
    }

    @Test(arguments: [1_000, 50_000, 400_000])
    func `arrives whole with HTTP/1.1, and the connection continues`(_ size: Int) throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        for count in [65_536, 65_537, 131_072, 300_000] {
            let content = Self.content(count)
            let expected = "post /big? service 127.0.0.1\n" + String(decoding: content, as: UTF8.self)
            let next = Array("GET /next HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
            let plain = Array(Self.head("/big", "Content-Length: \(count)").utf8) + content
            let chunks = Array(Self.head("/big", "Transfer-Encoding: chunked").utf8) + Self.chunked(content, 7_001)
            for message in [plain, chunks] {
                Self.send(message + next, to: client, by: size)
                let body = client.receiveAnswer()?.body
                let isWhole = body == expected
                #expect(isWhole, "\(count): \(body?.utf8.count ?? -1)")
                #expect(client.receiveAnswer()?.body.hasPrefix("get /next") == true)
            }
        }
    }

    @Test(arguments: ["Content-Length: 65537", "Content-Length: 1048577", "Content-Length: 99999999999999999999"])
    func `gets 413 before it is sent, elsewhere and above the limit of its path`(_ framing: String) throws {
        let server = try TestServer()
        defer { server.stop() }
        for path in framing.hasSuffix("65537") ? ["/other"] : ["/other", "/big"] {
            let client = try TestClient(port: server.port)
            #expect(client.ask(Self.head(path, framing))?.status == 413)
        }
        let client = try TestClient(port: server.port)
        #expect(client.ask(Self.head("/big", "Content-Length: 300001"))?.status == 413)
    }

    @Test func `gets 413 when its chunks exceed the limit`() throws {
        let server = try TestServer()
        defer { server.stop() }
        for (path, count, status) in [("/other", 65_536, 200), ("/other", 65_537, 413), ("/big", 300_001, 413)] {
            let client = try TestClient(port: server.port)
            let head = Array(Self.head(path, "Transfer-Encoding: chunked").utf8)
            client.send(head + Self.chunked(Self.content(count), 9_000))
            #expect(client.receiveAnswer()?.status == status, "\(path) \(count)")
        }
    }

    @Test func `is asked for before 100 Continue`() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        let framing = "Content-Length: 100000\r\nExpect: 100-continue"
        #expect(client.ask(Self.head("/big", framing))?.head.hasPrefix("HTTP/1.1 100") == true)
        client.send(Self.content(100_000))
        #expect(client.receiveAnswer()?.status == 200)
        let other = try TestClient(port: server.port)
        #expect(other.ask(Self.head("/other", framing))?.status == 413)
    }

    @Test func `counts as memory of all connections`() throws {
        var limits = Limits()
        limits.drainNotice = .milliseconds(10)
        limits.bufferByteCountMax = 400_000
        let server = try TestServer(limits: limits)
        defer { server.stop() }
        let clients = try (0..<4).map { _ in try TestClient(port: server.port) }
        for client in clients {
            client.send(Self.head("/big", "Content-Length: 300000"))
            client.send(Self.content(140_000))
        }
        #expect(eventually { server.counters.shed.load(ordering: .relaxed) > 0 })
        #expect(server.counters.buffered.load(ordering: .relaxed) <= 600_000)
    }

    @Test func `arrives whole with HTTP/2, two requests at once`() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try FrameClient(port: server.port, window: 1_000_000)
        client.acceptSettings()
        client.grow(stream: 0, by: 1_000_000)
        let content = Self.content(300_000)
        for stream: UInt32 in [1, 3] { client.post("/big", stream: stream) }
        var sent: [UInt32: Int] = [1: 0, 3: 0]
        // Up to the window that every request has; more must not be sent before it grows.
        for stream: UInt32 in [1, 3] { sent[stream] = client.sendContent(content, from: 0, to: 65_537, stream: stream) }
        for stream: UInt32 in [1, 3] {
            let update = client.receive(FrameClient.windowUpdate, stream: stream)
            #expect(update?.content.suffix(3) == [0x03, 0x93, 0xe0], "300,001 - 65,537 bytes")
        }
        for stream: UInt32 in [1, 3] {
            _ = client.sendContent(content, from: sent[stream] ?? 0, to: 300_000, stream: stream, ends: true)
        }
        var bodies: [UInt32: Int] = [:]
        var open = 2
        while open > 0, let frame = client.receive() {
            guard frame.type == FrameClient.data else { continue }
            bodies[frame.stream, default: 0] += frame.content.count
            if frame.endsStream { open -= 1 }
        }
        let length = "post /big? service 127.0.0.1\n".utf8.count + 300_000
        #expect(bodies == [1: length, 3: length])
    }

    @Test func `gets 413 with HTTP/2 elsewhere, and the other streams continue`() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try FrameClient(port: server.port, window: 1_000_000)
        client.acceptSettings()
        client.grow(stream: 0, by: 1_000_000)
        client.post("/other", stream: 1)
        _ = client.sendContent(Self.content(65_537), from: 0, to: 65_537, stream: 1)
        let refused = client.receive(FrameClient.data, stream: 1)
        #expect(refused.map { String(decoding: $0.content, as: UTF8.self) } == "bodyTooLarge")
        client.post("/other", stream: 3)
        _ = client.sendContent(Self.content(65_536), from: 0, to: 65_536, stream: 3, ends: true)
        let length = "post /other? service 127.0.0.1\n".utf8.count + 65_536
        var count = 0
        while count < length, let frame = client.receive(FrameClient.data, stream: 3) { count += frame.content.count }
        #expect(count == length)
    }
}
