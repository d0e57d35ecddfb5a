import Encoding
import Revocation
import Testing

@testable import Redis
@testable import Store

@Suite("Data of sessions", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct SessionDataTests {
    private func write(_ sid: UUID, _ expected: UInt64, _ content: String?, birth: UInt64? = 0) -> StoreStep {
        .writeData(
            SessionDataWrite(
                sid: sid, expected: expected, content: content.map { Array($0.utf8) }, sessionEnd: later,
                guardian: guardian(sid, birth: birth)))
    }

    @Test func `of two writes that expect the same revision one succeeds`() throws {
        let scene = try EngineScene()
        #expect(try scene.commit(.readData(sid: id(1))) == .data(nil))
        #expect(try scene.commit(write(id(1), 0, "{}")) == .stored(revision: 1))
        #expect(try scene.commit(write(id(1), 0, "x")) == .conflict(revision: 1))
        #expect(try scene.commit(write(id(1), 1, "")) == .stored(revision: 2))
        #expect(try scene.commit(.readData(sid: id(1))) == .data(SessionData(revision: 2, content: [])))
        #expect(try scene.commit(write(id(1), 1, nil)) == .conflict(revision: 2))
        #expect(try scene.commit(write(id(1), 2, nil)) == .stored(revision: 0))
        #expect(try scene.commit(.readData(sid: id(1))) == .data(nil))
    }

    @Test func `data ends with its session, and a late write brings nothing back`() throws {
        let scene = try EngineScene()
        _ = try scene.commit(write(id(1), 0, "a"), write(id(2), 0, "a"))
        _ = try scene.commit(.append([revoked(id(1))]))
        #expect(try scene.server.ask("EXISTS", "{martlet}:x:\(id(1))") == ":0")
        #expect(try scene.commit(write(id(1), 1, "b")) == .rejected(.session))
        #expect(try scene.commit(.readData(sid: id(1))) == .rejected(.session))
        _ = try scene.commit(.append([cut(.client, value: 1)]))
        #expect(try scene.commit(write(id(2), 1, "b")) == .rejected(.client))
        #expect(try scene.commit(write(id(2), 1, "b", birth: 9)) == .stored(revision: 2))
    }

    @Test func `data of an engine that lost everything is not empty data`() throws {
        let scene = try EngineScene()
        _ = try scene.commit(write(id(1), 0, "a"))
        _ = try scene.server.ask("FLUSHALL")
        #expect(throws: StoreFault.epoch(nil)) { try scene.commit(.readData(sid: id(1))) }
        #expect(throws: StoreFault.epoch(nil)) { try scene.commit(write(id(1), 1, "b")) }
    }

    @Test func `keys end a day after what they are for`() throws {
        let scene = try EngineScene()
        _ = try scene.commit(write(id(1), 0, "a"), advance(id(1), from: 0), .append([revoked(id(2))]))
        for key in ["x:\(id(1))", "s:\(id(1))", "d:\(id(2))"] {
            #expect(try scene.server.ask("PEXPIRETIME", "{martlet}:\(key)") == ":4000086400000")
        }
        _ = try scene.commit(.append([cut(.key, value: 1, expires: .distantFuture)]))
        #expect(try scene.server.ask("PEXPIRETIME", "{martlet}:c:3:\(UUID(high: 3, low: 3))") == ":-1")
    }
}
