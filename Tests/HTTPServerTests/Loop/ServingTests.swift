import Foundation
import Glibc
import HTTP
@testable import HTTPServer
import Synchronization
import Testing

@Suite("Serving HTTP/1.1")
struct ServingTests {
    @Test func `answers on one connection until the client closes`() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        for number in 0..<20 {
            let answer = try #require(client.ask(get("/echo?\(number)")))
            #expect(answer.status == 200)
            #expect(answer.body == "get /echo?\(number) service 127.0.0.1\n")
            #expect(answer.field("Connection") == nil)
            #expect(answer.field("X-Content-Type-Options") == "nosniff")
            #expect(answer.field("Date")?.hasSuffix(" GMT") == true)
        }
        client.endSending()
        #expect(client.receiveAll() == "")
    }

    @Test func `answers pipelined requests in order, however they are cut`() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        let body = String(repeating: "b", count: 70)
        let all = (0..<300).map { "POST /echo?\($0) HTTP/1.1\r\nHost: a\r\nContent-Length: 70\r\n\r\n\(body)" }.joined()
        let bytes = Array(all.utf8)
        for start in stride(from: 0, to: bytes.count, by: 977) {
            client.send(Array(bytes[start..<min(bytes.count, start + 977)]))
        }
        for number in 0..<300 {
            #expect(client.receiveAnswer()?.body == "post /echo?\(number) service 127.0.0.1\n\(body)")
        }
    }

    @Test func `takes a chunked request octet by octet`() throws {
        let server = try TestServer(threads: 1)
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        let text =
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nT: v\r\n\r\n"
        for octet in Array(text.utf8) {
            client.send([octet])
            usleep(300)
        }
        #expect(client.receiveAnswer()?.body == "post /echo? service 127.0.0.1\nhello!")
        #expect(client.ask(get("/echo"))?.status == 200)
    }

    @Test(arguments: [("/echo", 1, 2_000, 1), ("/echo", 20, 2_000, 3), ("/big", 100, 2_500, 1)])
    func `content in many chunks is moved once, not with each chunk`(
        _ path: String, _ byteCount: Int, _ chunkCount: Int, _ pieceCount: Int
    ) throws {
        let server = try TestServer(threads: 1)
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send("POST \(path) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        let body = String(repeating: "z", count: byteCount)
        let chunk = Array("\(String(byteCount, radix: 16))\r\n\(body)\r\n".utf8)
        for _ in 0..<chunkCount {
            let size = (chunk.count + pieceCount - 1) / pieceCount
            for start in stride(from: 0, to: chunk.count, by: size) {
                client.send(Array(chunk[start..<min(chunk.count, start + size)]))
                usleep(20)
            }
        }
        client.send("0\r\n\r\n")
        let answer = try #require(client.receiveAnswer())
        #expect(
            answer.status == 200 && answer.body.utf8.count(where: { $0 == UInt8(ascii: "z") }) == byteCount * chunkCount
        )
        // Twice: a message is moved again when it turns out that it may have more content than most.
        #expect(server.counters.moved.load(ordering: .relaxed) <= 2 * UInt64(chunk.count * chunkCount + 200))
    }

    @Test func `takes content up to its limit, in many pieces`() throws {
        let server = try TestServer(threads: 1)
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        let body = [UInt8](repeating: UInt8(ascii: "z"), count: 65_536)
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n")
        for start in stride(from: 0, to: body.count, by: 4_096) {
            client.send(Array(body[start..<start + 4_096]))
            usleep(200)
        }
        #expect(client.receiveAnswer()?.body.utf8.count == 65_536 + "post /echo? service 127.0.0.1\n".utf8.count)
    }

    @Test func `says continue when the head is fine and the content is awaited`() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        let head = "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: "
        #expect(client.ask(head + "5\r\n\r\n")?.head == "HTTP/1.1 100 Continue\r\n\r\n")
        #expect(client.ask("hello")?.body == "post /echo? service 127.0.0.1\nhello")
        // Content that is there already needs no permission.
        #expect(client.ask(head + "5\r\n\r\nhello")?.status == 200)
        #expect(client.ask(head + "70000\r\n\r\n")?.status == 413)
        let other = try TestClient(port: server.port)
        #expect(other.ask(get("/echo", "Expect: magic\r\n"))?.status == 417)
    }

    @Test func `asks for no content that is not wanted, however its head arrives`() throws {
        let server = try TestServer()
        defer { server.stop() }
        let head = "POST /unwanted HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        for piece in [head.utf8.count, 20] {
            let client = try TestClient(port: server.port)
            let octets = Array(head.utf8)
            for start in stride(from: 0, to: octets.count, by: piece) {
                client.send(Array(octets[start..<min(start + piece, octets.count)]))
                usleep(1_000)
            }
            let answer = try #require(client.receiveAnswer())
            #expect(answer.status == 404 && answer.body == "unwanted")
            #expect(answer.field("Connection") == "close")
        }
        // Where the content has come, too, the handler has all of the request.
        let client = try TestClient(port: server.port)
        #expect(client.ask(head + "hello")?.body == "post /unwanted? service 127.0.0.1\nhello")
    }

    @Test func `its loops answer whether they turn`() throws {
        let server = try TestServer(threads: 3)
        #expect(server.server.isAlive(withinMilliseconds: 30_000))
        server.stop()
        #expect(server.server.isAlive(withinMilliseconds: 0))
    }

    @Test func `L8, L10: HEAD, 204 and 304 have no content, and only HEAD a length`() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send("HEAD /echo HTTP/1.1\r\nHost: a\r\n\r\n")
        let head = try #require(client.receiveAnswer(toHead: true))
        #expect(head.field("Content-Length") == String("head /echo? service 127.0.0.1\n".utf8.count))
        for status in [204, 304] {
            let answer = try #require(client.ask(get("/status/\(status)")))
            #expect(answer.status == status)
            #expect(answer.field("Content-Length") == nil)
            #expect(answer.field("Date") != nil)
        }
        #expect(client.ask(get("/status/700"))?.status == 500)
        #expect(client.ask(get("/echo"))?.status == 200)
    }

    @Test func `L5: closes when either side says so, and answers nothing after that`() throws {
        let server = try TestServer()
        defer { server.stop() }
        let requests = [
            get("/echo", "Connection: x, Close\r\n"), get("/close"), "GET /echo HTTP/1.0\r\n\r\n",
            "GET /echo HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
        ]
        for request in requests {
            let client = try TestClient(port: server.port)
            client.send(request + get("/echo"))
            let all = client.receiveAll()
            #expect(all.components(separatedBy: "HTTP/1.1 200").count == 2)
            #expect(all.contains("Connection: close\r\n"))
            #expect(!all.hasSuffix("RESET") && !all.hasSuffix("TIMEOUT"))
        }
    }

    @Test func `keeps a connection of HTTP 1.0 when asked`() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        for _ in 0..<2 {
            let answer = client.ask("GET /echo HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
            #expect(answer?.field("Connection") == "keep-alive")
        }
    }

    @Test func `a request that never arrived in full is not answered`() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell")
        client.endSending()
        #expect(client.receiveAll() == "")
        #expect(server.gate.handledCount.load(ordering: .relaxed) == 0)
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/3.0\r\n\r\n", 505),
        ("GET /" + String(repeating: "a", count: 8_192) + " HTTP/1.1\r\n", 414),
        ("GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 17_000), 431),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        ("\u{16}\u{03}\u{01}\u{02}\u{00}\u{01}\u{00}", 400), ("GET / HTTP/1.1\n", 400),
    ])
    func `L6: answers a fault once and closes`(_ text: String, _ status: Int) throws {
        let server = try TestServer(threads: 1)
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send(get("/echo") + text + get("/echo"))
        let all = client.receiveAll()
        let answers = all.components(separatedBy: "HTTP/1.1 ").dropFirst()
        #expect(answers.map { Int($0.prefix(3)) } == [200, status])
        #expect(!all.hasSuffix("RESET") && !all.hasSuffix("TIMEOUT"))
        #expect(server.counters.malformed.load(ordering: .relaxed) == 1)
    }

    @Test func `L5: a client that goes on sending still gets the refusal`() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n")
        client.send([UInt8](repeating: 0, count: 200_000))
        let all = client.receiveAll()
        #expect(all.hasPrefix("HTTP/1.1 413 "))
        #expect(!all.hasSuffix("RESET"))
    }

    @Test func `waits for a peer that reads late, and loses nothing`() throws {
        let server = try TestServer(threads: 1)
        defer { server.stop() }
        let client = try TestClient(port: server.port, receiveBuffer: 4_096)
        // Behind the large ones, one that is deferred.
        for _ in 0..<40 { client.send(get("/large/100000")) }
        client.send(get("/now?x") + get("/echo?last"))
        usleep(100_000)
        for _ in 0..<40 { #expect(client.receiveAnswer()?.body.utf8.count == 100_000) }
        #expect(client.receiveAnswer()?.body == "deferred x")
        #expect(client.receiveAnswer()?.body == "get /echo?last service 127.0.0.1\n")
    }

    @Test func `a connection ends with its last allowed request`() throws {
        var limits = Limits()
        limits.requestsPerConnectionMax = 3
        limits.drainNotice = .zero
        let server = try TestServer(limits: limits)
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send(String(repeating: get("/echo"), count: 5))
        let all = client.receiveAll()
        #expect(all.components(separatedBy: "HTTP/1.1 200").count == 4)
        #expect(all.components(separatedBy: "Connection: close").count == 2)
    }
}
