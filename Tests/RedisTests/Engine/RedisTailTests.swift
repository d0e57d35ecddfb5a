import Journal
import Revocation
import Testing

@testable import Redis
@testable import Store

@Suite("Reading the log", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct RedisTailTests {
    private let start = LedgerPosition(epoch: 1, seq: 0)

    @Test func `records over several epochs come in order`() throws {
        let scene = try EngineScene()
        let tail = try scene.tail()
        _ = try scene.commit(.append([revoked(id(1))]))
        let second = try scene.beginEpoch()
        let third = try scene.beginEpoch()
        _ = try scene.commit(.append([revoked(id(2))]))
        let batch = try tail.read(after: start, wait: 0, by: soon)
        #expect(batch.records.map(\.seq) == [1, third.position.seq + 1])
        #expect(batch.head.position == LedgerPosition(epoch: 3, seq: third.position.seq + 1))
        #expect(batch.head.identity == third.identity)
        // The head right after an epoch began is part of the history, with and without records in it.
        #expect(try tail.read(after: second.position, wait: 0, by: soon).records.count == 1)
        #expect(try scene.tail().read(after: third.position, wait: 0, by: soon).records.count == 1)
        #expect(throws: StoreFault.epoch(batch.head)) {
            try scene.tail().read(after: LedgerPosition(epoch: 1, seq: 2), wait: 0, by: soon)
        }
        #expect(throws: StoreFault.epoch(batch.head)) {
            try scene.tail().read(after: LedgerPosition(epoch: 3, seq: third.position.seq + 2), wait: 0, by: soon)
        }
    }

    @Test func `a new epoch is seen although it has no record`() throws {
        let scene = try EngineScene()
        let tail = try scene.tail()
        let head = try scene.beginEpoch()
        let batch = try tail.read(after: start, wait: 100, by: soon)
        #expect(batch.records.isEmpty && batch.head == head)
    }

    @Test func `a log that no longer goes back to the position is gone`() throws {
        let scene = try EngineScene()
        let tail = try scene.tail()
        for number in 1...5 { _ = try scene.commit(.append([revoked(id(UInt64(number)))])) }
        _ = try scene.server.ask("XTRIM", "{martlet}:log", "MINID", "1-3")
        #expect(throws: StoreFault.gone) { try tail.read(after: start, wait: 0, by: soon) }
        #expect(try tail.read(after: LedgerPosition(epoch: 1, seq: 2), wait: 0, by: soon).records.count == 3)
        _ = try scene.server.ask("DEL", "{martlet}:log")
        #expect(throws: StoreFault.gone) {
            try tail.read(after: LedgerPosition(epoch: 1, seq: 2), wait: 10, by: soon)
        }
    }

    @Test func `a gap and a damaged record are never skipped`() throws {
        let scene = try EngineScene()
        let tail = try scene.tail()
        for number in 1...5 { _ = try scene.commit(.append([revoked(id(UInt64(number)))])) }
        _ = try scene.server.ask("XDEL", "{martlet}:log", "1-3")
        #expect(throws: StoreFault.damaged(reason: "records of the log are missing between 1:2 and 1:4")) {
            try tail.read(after: start, wait: 0, by: soon)
        }
        _ = try scene.server.ask("XADD", "{martlet}:log", "1-6", "r", "nonsense", "t", "1")
        #expect(throws: StoreFault.damaged(reason: "the entry 1-6 of the log is damaged: length(8)")) {
            try tail.read(after: LedgerPosition(epoch: 1, seq: 3), wait: 0, by: soon)
        }
        _ = try scene.server.ask("XADD", "{martlet}:log", "1-7", "other", "x")
        #expect(throws: StoreFault.damaged(reason: "the entry 1-7 of the log has an unknown form")) {
            try tail.read(after: LedgerPosition(epoch: 1, seq: 6), wait: 0, by: soon)
        }
    }

    @Test func `a reader that waits gets a record at once`() throws {
        let scene = try EngineScene()
        let tail = try scene.tail()
        let began = StoreDeadline.now
        let other = try scene.another()
        try Background.run({ _ = try other.commit([.append([revoked(id(1))])], epoch: 1, by: soon) }) {
            let batch = try tail.read(after: start, wait: 8_000, by: soon)
            #expect(batch.records.count == 1)
        }
        #expect(StoreDeadline.now - began < 7_000)
    }

    @Test func `the log is trimmed to an hour, over epochs as well`() throws {
        let scene = try EngineScene()
        let log = "{martlet}:log"
        // A macro node has 100 entries by default, and only whole ones are removed.
        _ = try scene.server.ask("CONFIG", "SET", "stream-node-max-entries", "1")
        _ = try scene.commit(.append([revoked(id(1))]), .append([revoked(id(2))]))
        while try scene.engine.maintain(by: soon) {}
        #expect(try scene.server.ask("XLEN", log) == ":3")
        _ = try scene.server.ask("DEL", log)
        for seq in 1...9 {
            _ = try scene.server.ask("XADD", log, "1-\(seq)", "r", "", "t", seq <= 6 ? "5" : "4000000000000")
        }
        _ = try scene.server.ask("SET", "{martlet}:time", "4000000000000 9")
        // Entries without content are not of us.
        #expect(throws: StoreFault.self) { _ = try scene.engine.maintain(by: soon) }
        _ = try scene.server.ask("DEL", log)
        for seq in 1...9 {
            _ = try scene.server.ask("XADD", log, "1-\(seq)", "b", "x", "t", seq <= 6 ? "5" : "4000000000000")
        }
        // It was less than a piece, so nothing is left, though more may come meanwhile.
        #expect(try !scene.engine.maintain(by: soon))
        #expect(try scene.server.ask("XLEN", log) == ":4")
    }
}

/// Runs something on another thread meanwhile.
enum Background {
    static func run(_ other: @escaping () throws -> Void, while body: () throws -> Void) throws {
        nonisolated(unsafe) let other = other
        let thread = try TestThread { try? other() }
        defer { thread.join() }
        try body()
    }
}
