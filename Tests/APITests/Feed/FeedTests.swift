import API
import Foundation
import HTTP
import Testing

@Suite("GET /revocations")
struct FeedTests {
    private let world: World
    private let loop = FeedLoop()

    init() throws {
        world = try World()
    }

    private func client(_ ask: Ask, _ ticket: UInt64 = 1) -> FeedClient {
        FeedClient(world, ask, on: loop, ticket: ticket)
    }

    private func endSession() -> String {
        let pair = world.pair()
        #expect(world.order("{\"sid\":\"\(pair.sid)\"}").status == 200)
        return pair.sid
    }

    @Test func `without a position the answer is the head`() throws {
        let sid = endSession()
        let answer = world.send(World.feed())
        #expect(answer.status == 200)
        #expect(answer["content-type"] == "application/json")
        #expect(answer["cache-control"] == "no-store")
        #expect(answer["revocation-seq"] == answer.string("head"))
        #expect(answer["revocation-age"] == "0.000")
        #expect(answer["revocation-issuer"] == World.issuer)
        #expect(answer.string("issuer") == World.issuer)
        #expect(World.ids(answer.json).isEmpty && !sid.isEmpty)
    }

    @Test func `records after a position come at once`() throws {
        let head = world.head
        let sids = (0..<3).map { _ in endSession() }
        let answer = world.send(World.feed("after=\(head)&wait=55"))
        #expect(World.ids(answer.json) == sids)
        let position = try #require(answer.string("head"))
        #expect(World.ids(world.send(World.feed("after=\(position)")).json).isEmpty)
        let binary = world.send(World.feed("after=\(head)", accept: "application/vnd.martlet.records"))
        #expect(binary["content-type"] == "application/vnd.martlet.records")
        #expect(binary["revocation-seq"] == position)
        #expect(binary.body.count == 3 * 64)
    }

    @Test func `a request waits until something is revoked`() throws {
        let readers = [
            client(World.feed("after=\(world.head)&wait=55")),
            client(World.feed("after=\(world.head)&wait=55", accept: "application/vnd.martlet.records"), 2),
        ]
        for reader in readers { #expect(reader.wait != nil) }
        let sid = endSession()
        let answer = try #require(readers[0].answer())
        #expect(World.ids(answer.json) == [sid])
        let binary = try #require(readers[1].answer())
        #expect(binary.body.count == 64 && binary["revocation-more"] == nil)
        // Rotations and logins are not in the feed.
        #expect(answer["revocation-seq"] == answer.string("head"))
    }

    @Test func `a request that waited long enough gets the new head`() throws {
        let old = world.head
        let reader = client(World.feed("after=\(old)&wait=1"))
        let pair = world.pair()
        #expect(world.refresh(pair.refresh).status == 200)
        world.clock.advance(1)
        let answer = try #require(reader.answer())
        #expect(World.ids(answer.json).isEmpty)
        #expect(answer.string("head") != old)
        // A reader counts the age from then, and not from when it sent the request.
        #expect(answer["revocation-held"] == "1.000" && answer["revocation-age"] == "0.000")
        #expect(world.send(World.feed("after=\(old)"))["revocation-held"] == nil)
    }

    @Test func `a request whose client left is forgotten`() throws {
        let reader = client(World.feed("after=\(world.head)&wait=55"))
        #expect(followers("json") == 1)
        reader.wait?.close()
        loop.turn(world.application)
        #expect(followers("json") == 0)
        let stream = client(World.feed(accept: "text/event-stream"), 2)
        #expect(followers("events") == 1)
        stream.stream?.close()
        loop.turn(world.application)
        #expect(followers("events") == 0)
    }

    private func followers(_ form: String) -> Int? {
        let page = world.send(Ask("GET", "/metrics", role: .operator)).text
        let line = page.split(separator: "\n").first { $0.hasPrefix("martlet_feed_followers{form=\"\(form)\"}") }
        return line.flatMap { $0.split(separator: " ").last.flatMap { Int($0) } }
    }

    @Test func `waiting requests are answered when the server stops`() throws {
        let reader = client(World.feed("after=\(world.head)&wait=55"))
        reader.wait?.announceStop()
        #expect(reader.answer()?.status == 200)
        let stream = client(World.feed(accept: "text/event-stream"), 2)
        stream.stream?.announceStop()
        #expect(stream.waits { _ in stream.isComplete })
    }

    @Test func `a stream has the records so far, then each new one, and a heartbeat`() throws {
        let head = world.head
        let first = endSession()
        let reader = client(World.feed("after=\(head)", accept: "text/event-stream"))
        #expect(reader.response.status == 200)
        #expect(String(decoding: reader.response.fields, as: UTF8.self).contains("Content-Type: text/event-stream\r\n"))
        #expect(reader.waits { $0.first?.name == "records" && $0.first?.data.contains(first) == true })
        let second = endSession()
        #expect(reader.waits { $0.contains { $0.name == "records" && $0.data.contains(second) } })
        world.clock.advance(2)
        let third = endSession()
        #expect(reader.waits { $0.contains { $0.name == "heartbeat" } })
        #expect(reader.waits { $0.contains { $0.data.contains(third) } })
        let events = reader.events
        #expect(events.filter { $0.data.contains(first) }.count == 1)
        #expect(events.filter { $0.data.contains(second) }.count == 1)
        let positions = events.compactMap { $0.id }.compactMap { $0.split(separator: ":").last.flatMap { Int($0) } }
        #expect(positions == positions.sorted() && positions.count == events.count)
    }

    @Test func `a stream continues at its last event`() throws {
        let old = world.head
        let first = endSession()
        let middle = world.head
        let second = endSession()
        let reader = client(
            World.feed("after=\(old)", accept: "text/event-stream").with("Last-Event-ID", middle))
        #expect(reader.waits { $0.contains { $0.data.contains(second) } })
        #expect(!reader.events.contains { $0.data.contains(first) })
    }

    @Test(arguments: [("1:999999999", "sequence_ahead"), ("7:1", "sequence_unknown")])
    func `a stream that cannot continue says so and ends`(_ position: String, _ code: String) throws {
        let reader = client(World.feed("after=\(position)", accept: "text/event-stream"))
        #expect(reader.waits { _ in reader.isComplete })
        let events = reader.events
        #expect(events.map(\.name) == ["reset"])
        #expect(events[0].data.contains(code) && events[0].data.contains(world.head))
        #expect(events[0].id == nil)
        #expect(world.send(World.feed("after=\(position)")).code == code)
    }

    @Test func `a reader that does not read is dropped`() throws {
        let idle = client(World.feed(accept: "text/event-stream"))
        let busy = client(World.feed(accept: "text/event-stream"), 2)
        #expect(busy.waits { !$0.isEmpty })
        var count = 0
        while idle.stream?.isAborted != true, count < 4_000 {
            #expect(world.order("{\"jti\":\"\(UUID().uuidString.lowercased())\"}").status == 200)
            count += 1
            busy.take()
            loop.turn(world.application)
        }
        #expect(busy.waits { _ in idle.stream?.isAborted == true })
        #expect((1_000..<4_000).contains(count))
        let page = world.send(Ask("GET", "/metrics", role: .operator)).text
        #expect(page.contains("martlet_feed_dropped_total 1\n"))
        #expect(busy.stream?.isAborted == false)
    }

    @Test func `a reader that was behind gets what it missed, once and in order`() throws {
        let reader = client(World.feed(accept: "text/event-stream"))
        var sids: [String] = []
        for _ in 0..<700 {
            let id = UUID().uuidString.lowercased()
            sids.append(id)
            #expect(world.order("{\"jti\":\"\(id)\"}").status == 200)
            loop.turn(world.application)
        }
        #expect(reader.waits { events in events.contains { $0.data.contains(sids[699]) } })
        var seen: [String] = []
        for event in reader.events where event.name == "records" {
            let json = try #require(JSONSerialization.jsonObject(with: Data(event.data.utf8)) as? [String: Any])
            seen += World.ids(json)
        }
        #expect(seen == sids)
    }

    @Test(arguments: [
        "after=", "after=1", "after=1:", "after=:1", "after=01:1", "after=1:01", "after=-1:1", "after=1:1:1",
        "after=0:1", "after=1:18446744073709551616", "after=4294967296:1", "after=1:1&after=1:1", "after=1:%31x",
        "wait=56", "wait=-1", "wait=+1", "wait=1s", "wait=", "wait=1&wait=1", "wait=0x1", "limit=5", "since=1:1",
    ])
    func `a query that is not understood is rejected`(_ query: String) throws {
        for accept in ["application/json", "text/event-stream", "application/vnd.martlet.records"] {
            let answer = world.send(World.feed(query, accept: accept))
            #expect(answer.status == 400 && answer.code == "request_malformed")
        }
    }

    @Test(arguments: ["x", "1:", "1:1 2:2", "1:99999999999999999999", "one:two"])
    func `a Last-Event-ID that is no position is rejected`(_ id: String) throws {
        let answer = world.send(World.feed(accept: "text/event-stream").with("Last-Event-ID", id))
        #expect(answer.status == 400 && answer.code == "request_malformed")
    }

    @Test(arguments: [
        ("*/*", "application/json"), ("text/html", "application/json"), ("text/event-stream;q=0", "application/json"),
        ("text/event-stream", "text/event-stream"), ("application/json;q=0.5, text/event-stream", "text/event-stream"),
        ("Text/Event-Stream; q=0.9, application/json;q=0.1", "text/event-stream"),
        ("application/vnd.martlet.records, */*;q=0.1", "application/vnd.martlet.records"),
        ("application/*, application/vnd.martlet.records;q=0.9", "application/json"),
        ("text/event-stream;q=x", "application/json"), (", ,", "application/json"),
    ])
    func `Accept selects the form`(_ accept: String, _ type: String) throws {
        let reader = client(World.feed(accept: accept))
        let fields = String(decoding: reader.response.fields, as: UTF8.self)
        #expect(fields.contains("Content-Type: \(type)\r\n"))
    }

    @Test func `a token of the grant client_credentials is enough`() throws {
        let answer = world.send(
            Ask("POST", "/token").form("grant_type=client_credentials").basic(World.reader, World.encoded(World.secret))
        )
        let token = try #require(answer.string("access_token"))
        #expect(world.send(Ask("GET", "/revocations").bearer(token)).status == 200)
        // A stream ends with its token.
        let reader = client(Ask("GET", "/revocations").bearer(token).with("Accept", "text/event-stream"))
        #expect(reader.waits { !$0.isEmpty })
        world.clock.advance(601)
        _ = endSession()
        #expect(reader.waits { _ in reader.isComplete })
    }

    @Test func `a stream ends within an hour, so that readers that left without a word are forgotten`() throws {
        let reader = client(World.feed(accept: "text/event-stream"))
        #expect(reader.waits { !$0.isEmpty })
        world.clock.advance(2_600)
        _ = endSession()
        #expect(reader.waits { $0.count > 1 } && !reader.isComplete)
        world.clock.advance(1_001)
        _ = endSession()
        #expect(reader.waits { _ in reader.isComplete } && followers("events") == 0)
    }

    @Test func `anyone may read a public feed`() throws {
        let world = try World(feed: .public)
        #expect(world.send(Ask("GET", "/revocations")).status == 200)
        #expect(world.send(Ask("GET", "/revocations").bearer("x")).status == 200)
    }
}
