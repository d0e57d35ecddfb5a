import API
import Foundation
import Revocation
import Synchronization
import Testing

@Suite("Session data that several requests change at the same time")
struct SessionDataRaceTests {
    let world: World
    let data = MemorySessionData()

    init() throws { world = try World(data: data) }

    @Test func `32 changes at once all take effect, and 33 do not wait`() {
        let pair = world.pair()
        let asks = (0..<33).map { number in
            Ask("PATCH", "/session/data").bearer(pair.access).json("{\"n\(number)\":\(number)}")
        }
        let waits = asks.map { world.start($0) }
        let answers = waits.map { $0() }
        #expect(answers.prefix(32).allSatisfy { $0.status == 200 })
        #expect(answers.last?.code == "data_busy" && answers.last?["retry-after"] == "1")
        #expect(world.send(Ask("GET", "/session/data").bearer(pair.access)).json.count == 32)
        // On one node, changes of one session never conflict.
        #expect(data.writes == 32)
        #expect(world.patch("{\"n32\":1}", pair.access).status == 200)
    }

    @Test func `changes of other nodes that come between are kept`() {
        let pair = world.pair()
        let (data, sid) = (data, pair.sid)
        let left = Mutex(4)
        data.beforeWrite {
            let number = left.withLock { left in
                defer { left = max(0, left - 1) }
                return left
            }
            if number > 0 { data.put("{\"other\":\(number)}", sid) }
        }
        #expect(world.patch("{\"own\":1}", pair.access).text == "{\"other\":1,\"own\":1}")
        #expect(data.writes == 5)
    }

    @Test func `after five tries the client is asked to come again`() {
        let pair = world.pair()
        let (data, sid) = (data, pair.sid)
        let count = Mutex(0)
        data.beforeWrite {
            let number = count.withLock { count in
                count += 1
                return count
            }
            data.put("{\"other\":\(number)}", sid)
        }
        let answer = world.patch("{\"own\":1}", pair.access)
        #expect(answer.status == 429 && answer.code == "data_busy" && data.writes == 5)
        #expect(String(decoding: data.stored(sid).content, as: UTF8.self) == "{\"other\":5}")
    }

    @Test func `with If-Match, a change that comes between is the end`() throws {
        let pair = world.pair()
        let tag = try #require(world.patch("{\"a\":1}", pair.access)["etag"])
        let (data, sid) = (data, pair.sid)
        data.beforeWrite { data.put("{\"a\":2}", sid) }
        for method in ["PUT", "PATCH", "DELETE"] {
            let ask = Ask(method, "/session/data").bearer(pair.access).with("If-Match", tag).json("{\"a\":3}")
            #expect(world.send(ask).code == "precondition_failed")
        }
        #expect(String(decoding: data.stored(sid).content, as: UTF8.self) == "{\"a\":2}")
    }

    @Test func `of two that create the data, one does`() {
        let pair = world.pair()
        let asks = (0..<8).map { number in
            Ask("PUT", "/session/data").bearer(pair.access).with("If-None-Match", "*").json("{\"n\":\(number)}")
        }
        let answers = asks.map { world.start($0) }.map { $0().status }
        #expect(answers.filter { $0 == 204 }.count == 1 && answers.filter { $0 == 412 }.count == 7)
    }

    @Test func `a failure lets the next change of the session go on`() {
        let pair = world.pair()
        data.fail([.unavailable(reason: "no connection")])
        let waits = (0..<3).map { number in
            world.start(Ask("PATCH", "/session/data").bearer(pair.access).json("{\"n\":\(number)}"))
        }
        #expect(waits.map { $0().status } == [503, 200, 200])
        #expect(world.send(Ask("GET", "/session/data").bearer(pair.access)).text == "{\"n\":2}")
    }
}
