import Foundation
import Glibc
import HTTP
@testable import HTTPServer
import OpenSSL
import Platform
import Testing

@Suite("Streamed responses")
struct StreamingTests {
    private let streams = Streams()

    @Test func `arrive piece by piece, in order, and the connection continues`() throws {
        let server = try TestServer(streams: streams)
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send(get("/events"))
        let head = client.receiveAnswer(toHead: true)
        #expect(head?.status == 200)
        #expect(head?.field("Transfer-Encoding") == "chunked")
        #expect(head?.field("Content-Type") == "text/event-stream")
        #expect(head?.field("Content-Length") == nil)
        #expect(head?.field("Connection") == nil)
        for number in 0..<20 {
            streams.publish("\(number)")
            #expect(client.receiveChunk() == Array("data: \(number)\n\n".utf8))
        }
        // An empty piece would look like the end if it were sent.
        let stream = try #require(streams.all.first)
        #expect(stream.send([]) == .queued)
        streams.publish("after the empty piece")
        #expect(client.receiveChunk() == Array("data: after the empty piece\n\n".utf8))
        stream.end()
        #expect(stream.send([1]) == .closed)
        #expect(client.receiveChunk() == [])
        #expect(client.ask(get("/plain"))?.body == "plain")
        #expect(streams.events == [.closed(isComplete: true)])
    }

    @Test(arguments: ["fill", "refill"])
    func `carry more than any buffer holds in pieces of odd sizes`(_ path: String) throws {
        let server = try TestServer(streams: streams)
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send(get("/\(path)/\(Streams.longByteCount)"))
        #expect(client.receiveAnswer(toHead: true)?.status == 200)
        #expect(Streams.isContent(client.receiveChunks(), Streams.longByteCount))
        #expect(client.ask(get("/plain"))?.body == "plain")
        #expect(streams.closings == [.closed(isComplete: true)])
    }

    @Test func `of one large piece are sent in batches`() throws {
        let server = try TestServer(streams: streams)
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send(get("/events"))
        #expect(client.receiveAnswer(toHead: true)?.status == 200)
        let stream = try #require(streams.all.first)
        #expect(stream.send(Streams.content(0..<3_000_000)) == .full)
        stream.end()
        #expect(Streams.isContent(client.receiveChunks(), 3_000_000))
        #expect(streams.closings == [.closed(isComplete: true)])
    }

    @Test func `that are complete at once need no second turn`() throws {
        let server = try TestServer(streams: streams)
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send(get("/ready") + get("/plain"))
        #expect(client.receiveAnswer(toHead: true)?.field("Transfer-Encoding") == "chunked")
        #expect(client.receiveChunks() == Array("all at once".utf8))
        #expect(client.receiveAnswer()?.body == "plain")
    }

    @Test func `end with the connection for HTTP/1.0`() throws {
        let server = try TestServer(streams: streams)
        defer { server.stop() }
        for fields in ["", "Connection: keep-alive\r\n"] {
            let client = try TestClient(port: server.port)
            client.send("GET /fill/300001 HTTP/1.0\r\n\(fields)\r\n")
            let head = client.receiveAnswer(toHead: true)
            #expect(head?.field("Transfer-Encoding") == nil)
            #expect(head?.field("Connection") == "close")
            #expect(Streams.isContent(client.receive(exactly: 300_001), 300_001))
            #expect(client.receive() == [])
        }
    }

    @Test func `to HEAD and without content have a head only`() throws {
        let server = try TestServer(streams: streams)
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send("HEAD /events HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(client.receiveAnswer(toHead: true)?.field("Transfer-Encoding") == "chunked")
        for status in ["204", "304"] {
            client.send(get("/status/\(status)"))
            let answer = client.receiveAnswer(toHead: true)
            #expect(answer?.status == Int(status))
            #expect(answer?.field("Transfer-Encoding") == nil)
        }
        #expect(client.ask(get("/plain"))?.body == "plain")
        #expect(streams.events == Array(repeating: .closed(isComplete: true), count: 3))
        #expect(streams.all.allSatisfy { $0.send([1]) == .closed })
    }

    @Test func `keep pipelined requests waiting`() throws {
        let server = try TestServer(streams: streams)
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send(get("/plain") + get("/events") + get("/plain") + "GET /pl")
        #expect(client.receiveAnswer()?.body == "plain")
        #expect(client.receiveAnswer(toHead: true)?.status == 200)
        client.send("ain HTTP/1.1\r\nHost: a\r\n\r\n")
        usleep(50_000)
        streams.publish("first")
        #expect(client.receiveChunk() == Array("data: first\n\n".utf8))
        streams.all.first?.end()
        #expect(client.receiveChunk() == [])
        #expect(client.receiveAnswer()?.body == "plain")
        #expect(client.receiveAnswer()?.body == "plain")
    }

    @Test func `keep only a bounded part of what the client sends meanwhile`() throws {
        let server = try TestServer(streams: streams)
        defer { server.stop() }
        let client = try TestClient(port: server.port)
        client.send(get("/events"))
        #expect(client.receiveAnswer(toHead: true)?.status == 200)
        let flood = Array(String(repeating: get("/plain"), count: 200_000).utf8)
        Thread.detachNewThread { client.send(flood) }
        usleep(300_000)
        #expect(server.counters.buffered.load(ordering: .relaxed) < 400_000)
        streams.publish("still here")
        #expect(client.receiveChunk() == Array("data: still here\n\n".utf8))
        streams.all.first?.end()
        #expect(client.receiveChunk() == [])
        for _ in 0..<1_000 { #expect(client.receiveAnswer()?.body == "plain") }
    }

    @Test func `stop a producer while the client does not read, and a slow client is dropped`() throws {
        var limits = Limits()
        (limits.writeDeadline, limits.drainNotice) = (.milliseconds(400), .milliseconds(10))
        let server = try TestServer(streams: streams, limits: limits)
        defer { server.stop() }
        let client = try TestClient(port: server.port, receiveBuffer: 4_096)
        client.send(get("/events"))
        #expect(client.receiveAnswer(toHead: true)?.status == 200)
        let stream = try #require(streams.all.first)
        let piece = [UInt8](repeating: 1, count: 50_000)
        // Until the buffers of the kernel are full, too.
        var (sentCount, refusedCount) = (0, 0)
        while sentCount < 10_000, refusedCount < 50 {
            let answer = stream.send(piece)
            // On a busy machine, the client may be dropped before this thread has been refused so often.
            if answer == .closed { break }
            if answer == .refused {
                refusedCount += 1
                usleep(2_000)
            } else {
                (sentCount, refusedCount) = (sentCount + 1, 0)
            }
        }
        #expect(sentCount < 10_000)
        #expect(stream.byteCount < ResponseStream.byteCountMax + piece.count)
        let buffered = server.counters.buffered.load(ordering: .relaxed)
        #expect(buffered < 4 * ResponseStream.byteCountMax)
        #expect(eventually { streams.closings == [.closed(isComplete: false)] })
        #expect(server.counters.timedOut.load(ordering: .relaxed) == 1)
        #expect(eventually { server.counters.buffered.load(ordering: .relaxed) == 0 })
        #expect(stream.send(piece) == .closed)
    }

    @Test(arguments: [false, true])
    func `tell the producer once that the client has left`(_ resets: Bool) throws {
        let server = try TestServer(streams: streams)
        defer { server.stop() }
        var client: TestClient? = try TestClient(port: server.port)
        client?.send(get("/events"))
        #expect(client?.receiveAnswer(toHead: true)?.status == 200)
        if resets, let descriptor = client?.descriptor {
            var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        }
        client = nil
        #expect(eventually { streams.events == [.closed(isComplete: false)] })
        let stream = try #require(streams.all.first)
        #expect(stream.send([1]) == .closed)
        stream.end()
        #expect(server.counters.open.load(ordering: .relaxed) == 0)
        // The next connection has the same slot, and nothing of the old stream reaches it.
        let next = try TestClient(port: server.port)
        #expect(next.ask(get("/plain"))?.body == "plain")
        #expect(streams.events.count == 1)
    }

    @Test func `end in order when the server stops`() throws {
        let server = try TestServer(streams: streams)
        streams.endsAtStop.store(true, ordering: .relaxed)
        let client = try TestClient(port: server.port)
        client.send(get("/events"))
        #expect(client.receiveAnswer(toHead: true)?.status == 200)
        streams.publish("one")
        #expect(client.receiveChunk() == Array("data: one\n\n".utf8))
        #expect(server.stop())
        #expect(client.receiveChunk() == [])
        #expect(client.receive() == [])
        #expect(streams.events == [.stopping, .closed(isComplete: true)])
    }

    @Test func `that do not end are cut when the server stops`() throws {
        var limits = Limits()
        (limits.drainNotice, limits.drainDeadline) = (.zero, .milliseconds(200))
        let server = try TestServer(streams: streams, limits: limits)
        let client = try TestClient(port: server.port)
        client.send(get("/events"))
        #expect(client.receiveAnswer(toHead: true)?.status == 200)
        #expect(server.stop())
        // The last chunk is missing, so the client sees that the content is incomplete.
        #expect(client.receiveChunk() == nil)
        #expect(streams.events == [.stopping, .closed(isComplete: false)])
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func `arrive over TLS`(_ version: String) throws {
        let pair = try SelfSignedPair(now: UnixSeconds(Int64(Date().timeIntervalSince1970)), days: 1)
        let context = try TLSContext(
            certificates: pair.certificate, privateKey: pair.privateKey, clientAuthorities: nil,
            now: UnixSeconds(Int64(Date().timeIntervalSince1970)))
        let server = try TestServer(streams: streams, identity: TLSIdentity(context))
        defer { server.stop() }
        let curl = Process()
        curl.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
        let url = "https://127.0.0.1:\(server.port)"
        curl.arguments = ["-skN", "--max-time", "20", version, "\(url)/refill/2000003", "\(url)/plain"]
        let output = Pipe()
        curl.standardOutput = output
        try curl.run()
        let received = try output.fileHandleForReading.readToEnd() ?? Data()
        curl.waitUntilExit()
        #expect(curl.terminationStatus == 0)
        #expect(Streams.isContent(Array(received.dropLast(5)), 2_000_003))
        #expect(received.suffix(5).elementsEqual(Array("plain".utf8)))
        #expect(streams.closings == [.closed(isComplete: true)])
        // A client that says farewell has left, too.
        if version == "--http1.1" { try leave(url) }
    }

    private func leave(_ url: String) throws {
        let curl = Process()
        curl.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
        curl.arguments = ["-skN", "--max-time", "1", "\(url)/events"]
        curl.standardOutput = FileHandle.nullDevice
        try curl.run()
        curl.waitUntilExit()
        #expect(eventually { streams.closings == [.closed(isComplete: true), .closed(isComplete: false)] })
    }
}
