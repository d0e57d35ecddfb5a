import API
import Encoding
import Foundation
import HTTP
import Service
import Testing

@Suite("GET /revocations/snapshot")
struct SnapshotTests {
    private let world: World
    private let loop = FeedLoop()

    init() throws {
        world = try World()
    }

    /// An answer with all of its content.
    private func get(_ ask: Ask, ticket: UInt64 = 1) -> (answer: Answer, content: [UInt8])? {
        let reader = FeedClient(world, ask, on: loop, ticket: ticket)
        let isLate = reader.wait != nil
        let answer = isLate ? reader.answer() : Answer(reader.response)
        guard let answer else { return nil }
        guard let stream = reader.stream ?? loop.stream(ticket) else { return (answer, answer.body) }
        var content: [UInt8] = []
        for _ in 0..<10_000 {
            let isLast = stream.take(atMost: 65_536) { piece in
                for index in piece.indices { content.append(piece[index]) }
            }
            if isLast { break }
            loop.turn(world.application)
        }
        stream.close()
        loop.turn(world.application)
        return (answer, content)
    }

    private func snapshot(_ fields: (String, String)..., ticket: UInt64 = 1) throws -> (
        answer: Answer, content: [UInt8]
    ) {
        var ask = World.feed(at: .snapshot)
        for (name, value) in fields { ask = ask.with(name, value) }
        return try #require(get(ask, ticket: ticket))
    }

    private func endSession() {
        #expect(world.order("{\"sid\":\"\(world.pair().sid)\"}").status == 200)
    }

    @Test func `is made once in ten seconds, and its signature is renewed`() throws {
        endSession()
        let first = try snapshot()
        #expect(first.answer.status == 200 && first.content.count > 64)
        endSession()
        // The same one, although there is a newer record.
        #expect(try snapshot(ticket: 2).content == first.content)
        world.clock.advance(10)
        let second = try snapshot(ticket: 3)
        #expect(second.content.count == first.content.count + 64)
        #expect(second.answer["etag"] != first.answer["etag"])
        world.clock.advance(10)
        let third = try snapshot(ticket: 4)
        #expect(third.answer["etag"] == second.answer["etag"] && third.content != second.content)
        #expect(third.content.suffix(64) == second.content.suffix(64))
        let unchanged = try snapshot(("If-None-Match", third.answer["etag"] ?? ""), ticket: 5)
        #expect(unchanged.answer.status == 304 && unchanged.content.isEmpty)
        #expect(unchanged.answer["snapshot-signature"] == third.answer["snapshot-signature"])
    }

    @Test func `is sent in pieces as the client reads`() throws {
        for _ in 0..<2_000 {
            #expect(world.order("{\"jti\":\"\(Foundation.UUID().uuidString.lowercased())\"}").status == 200)
        }
        let found = try snapshot()
        #expect(found.content.count > 2_000 * 64)
        let start = found.content.count - 64 * 1_500
        let part = try snapshot(("Range", "bytes=\(start)-"), ticket: 2)
        #expect(part.answer.status == 206 && part.content == Array(found.content[start...]))
        #expect(part.answer["content-range"] == "bytes \(start)-\(found.content.count - 1)/\(found.content.count)")
    }

    @Test(
        arguments: [
            ("bytes=0-", nil), ("bytes=5-9", 5..<10), ("bytes=5-", 5..<20), ("bytes=-5", 15..<20),
            ("bytes=-50", 0..<20),
            ("bytes=19-30", 19..<20), ("bytes=20-", nil), ("bytes=9-5", nil), ("bytes=5-9,12-14", nil),
            ("bytes=-0", nil),
            ("items=5-9", nil), ("bytes=a-b", nil), ("bytes=", nil), ("bytes=-", nil), ("bytes=+5-9", nil),
            ("bytes=5-99999999999999999999", nil),
        ] as [(String, Range<Int>?)])
    func `one range of bytes is understood`(_ text: String, _ range: Range<Int>?) {
        let found = SnapshotRange.parse(text, 20)
        #expect(found == (text == "bytes=0-" ? 0..<20 : range))
    }
}
