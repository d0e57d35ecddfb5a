import Foundation
import Glibc
import HTTP
@testable import HTTPServer
import Testing

@Suite("Streamed responses over HTTP/2")
struct StreamingHTTP2Tests {
    private let streams = Streams()

    @Test func `arrive piece by piece, in order`() throws {
        let server = try TestServer(streams: streams)
        defer { server.stop() }
        let client = try FrameClient(port: server.port, window: 65_535)
        client.ask("/events", stream: 1)
        let head = client.receive(FrameClient.headers, stream: 1)
        #expect(head?.endsStream == false)
        for number in 0..<20 {
            streams.publish("\(number)")
            let piece = client.receive(FrameClient.data, stream: 1)
            #expect(piece?.content == Array("data: \(number)\n\n".utf8))
            #expect(piece?.endsStream == false)
        }
        let stream = try #require(streams.all.first)
        #expect(stream.send([]) == .queued)
        stream.end()
        let last = client.receive(FrameClient.data, stream: 1)
        #expect(last?.content == [] && last?.endsStream == true)
        #expect(eventually { streams.events == [.closed(isComplete: true)] })
        client.ask("/plain", stream: 3)
        #expect(client.receive(FrameClient.data, stream: 3)?.content == Array("plain".utf8))
    }

    @Test(arguments: ["fill", "refill"])
    func `carry more than any buffer holds on each of two streams of a connection`(_ path: String) throws {
        let server = try TestServer(streams: streams)
        defer { server.stop() }
        let client = try FrameClient(port: server.port, window: 65_535)
        for stream in [UInt32(1), 3] { client.ask("/\(path)/\(Streams.longByteCount)", stream: stream) }
        var received: [UInt32: [UInt8]] = [:]
        var owed: [UInt32: Int] = [:]
        var endedCount = 0
        while endedCount < 2, let frame = client.receive() {
            guard frame.type == FrameClient.data else { continue }
            received[frame.stream, default: []] += frame.content
            if frame.endsStream { endedCount += 1 }
            for stream in [0, frame.stream] {
                owed[stream, default: 0] += frame.content.count
                guard let count = owed[stream], count >= 16_384 else { continue }
                owed[stream] = 0
                if stream == 0 || !frame.endsStream { client.grow(stream: stream, by: count) }
            }
        }
        for stream in [UInt32(1), 3] {
            let isWhole = Streams.isContent(received[stream], Streams.longByteCount)
            #expect(isWhole)
        }
        #expect(eventually { streams.closings == Array(repeating: .closed(isComplete: true), count: 2) })
    }

    @Test func `wait for the window of the client, and do not time out when it has read everything`() throws {
        var limits = Limits()
        (limits.writeDeadline, limits.drainNotice) = (.milliseconds(300), .milliseconds(10))
        let server = try TestServer(streams: streams, limits: limits)
        defer { server.stop() }
        let client = try FrameClient(port: server.port, window: 10)
        client.ask("/events", stream: 1)
        #expect(client.receive(FrameClient.headers, stream: 1) != nil)
        let stream = try #require(streams.all.first)
        // The window is used up exactly, and nothing is pending.
        _ = stream.send(Array("0123456789".utf8))
        #expect(client.receive(FrameClient.data, stream: 1)?.content.count == 10)
        usleep(900_000)
        #expect(streams.events.isEmpty)
        _ = stream.send(Array("more".utf8))
        usleep(50_000)
        client.grow(stream: 1, by: 100)
        #expect(client.receive(FrameClient.data, stream: 1)?.content == Array("more".utf8))
        usleep(900_000)
        #expect(streams.events.isEmpty)
    }

    @Test func `are dropped when the client does not open its window`() throws {
        var limits = Limits()
        (limits.writeDeadline, limits.drainNotice) = (.milliseconds(300), .milliseconds(10))
        let server = try TestServer(streams: streams, limits: limits)
        defer { server.stop() }
        let client = try FrameClient(port: server.port, window: 10)
        client.ask("/events", stream: 1)
        #expect(client.receive(FrameClient.headers, stream: 1) != nil)
        let stream = try #require(streams.all.first)
        while stream.send([UInt8](repeating: 1, count: 10_000)) == .queued {}
        #expect(stream.send([1]) == .refused)
        #expect(stream.byteCount < ResponseStream.byteCountMax + 10_000)
        #expect(server.counters.buffered.load(ordering: .relaxed) < 3 * ResponseStream.byteCountMax)
        #expect(eventually { streams.closings == [.closed(isComplete: false)] })
        #expect(server.counters.timedOut.load(ordering: .relaxed) == 1)
    }

    @Test func `end a connection that opens its window byte by byte`() throws {
        let server = try TestServer(streams: streams)
        defer { server.stop() }
        let client = try FrameClient(port: server.port, window: 1)
        client.ask("/fill/1000000", stream: 1)
        // Otherwise a slow server reads the flood with the request, and never answers it.
        #expect(client.receive(FrameClient.headers, stream: 1) != nil)
        for _ in 0..<4_000 { client.grow(stream: 1, by: 1) }
        #expect(client.receive(FrameClient.goAway, stream: 0) != nil)
        #expect(eventually { server.counters.flooded.load(ordering: .relaxed) == 1 })
        #expect(eventually { streams.closings == [.closed(isComplete: false)] })
    }

    @Test func `tell the producer once when the client resets one of two streams`() throws {
        let server = try TestServer(streams: streams)
        defer { server.stop() }
        let client = try FrameClient(port: server.port, window: 65_535)
        for stream in [UInt32(1), 3] {
            client.ask("/events", stream: stream)
            #expect(client.receive(FrameClient.headers, stream: stream) != nil)
        }
        client.send(FrameClient.reset, stream: 1, content: [0, 0, 0, 8])
        #expect(eventually { streams.events == [.closed(isComplete: false)] })
        #expect(streams.all[0].send([1]) == .closed)
        streams.publish("to the other")
        #expect(client.receive(FrameClient.data, stream: 3)?.content == Array("data: to the other\n\n".utf8))
        streams.all[1].end()
        #expect(client.receive(FrameClient.data, stream: 3)?.endsStream == true)
        #expect(eventually { streams.events == [.closed(isComplete: false), .closed(isComplete: true)] })
    }

    @Test func `tell the producers when the connection is gone`() throws {
        let server = try TestServer(streams: streams)
        defer { server.stop() }
        var client: FrameClient? = try FrameClient(port: server.port, window: 65_535)
        for stream in [UInt32(1), 3] {
            client?.ask("/events", stream: stream)
            #expect(client?.receive(FrameClient.headers, stream: stream) != nil)
        }
        client = nil
        #expect(eventually { streams.events == Array(repeating: .closed(isComplete: false), count: 2) })
    }

    @Test func `to HEAD have a head only`() throws {
        let server = try TestServer(streams: streams)
        defer { server.stop() }
        let client = try FrameClient(port: server.port, window: 65_535)
        client.ask("/events", stream: 1, method: "HEAD")
        #expect(client.receive(FrameClient.headers, stream: 1)?.endsStream == true)
        client.ask("/status/204", stream: 3)
        #expect(client.receive(FrameClient.headers, stream: 3)?.endsStream == true)
        #expect(streams.events == Array(repeating: .closed(isComplete: true), count: 2))
    }

    @Test(arguments: [true, false])
    func `end with the server`(_ producerEnds: Bool) throws {
        var limits = Limits()
        (limits.drainNotice, limits.drainDeadline) = (.zero, .milliseconds(300))
        let server = try TestServer(streams: streams, limits: limits)
        streams.endsAtStop.store(producerEnds, ordering: .relaxed)
        let client = try FrameClient(port: server.port, window: 65_535)
        client.ask("/events", stream: 1)
        #expect(client.receive(FrameClient.headers, stream: 1) != nil)
        #expect(server.stop())
        let last = client.receive(FrameClient.data, stream: 1)
        #expect(last?.endsStream == (producerEnds ? true : nil))
        #expect(streams.events == [.stopping, .closed(isComplete: producerEnds)])
    }
}
