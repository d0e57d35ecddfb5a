import Encoding
import Journal
import Platform
import Revocation
import Testing

@testable import Redis
@testable import Store

@Suite("An engine over a real Redis", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct RedisEngineTests {
    @Test func `an engine without anything has no head, and the first epoch begins where it is told to`() throws {
        let server = try RedisServer()
        let engine = try EngineScene.source(server).engine()
        let report = try engine.connect(by: soon)
        #expect(report.head == nil)
        #expect(report.identity.utf8.count == 40)
        #expect(report.version.hasPrefix("Redis 7") || report.version.hasPrefix("Valkey"))
        #expect(report.flaws == [] && report.areSettingsKnown && report.replicaCount == 0)
        let head = try engine.begin(
            epoch: 3, at: 4 << 20, expecting: nil, identity: report.identity, by: soon)
        #expect(head.position == LedgerPosition(epoch: 3, seq: (4 << 20) - 1))
        #expect(try engine.connect(by: soon).head == head)
        #expect(throws: StoreFault.epoch(head)) {
            try engine.begin(epoch: 4, at: 8 << 20, expecting: nil, identity: "x", by: soon)
        }
    }

    @Test func `records are numbered in one order, and the tail passes each of them`() throws {
        let scene = try EngineScene()
        let tail = try scene.tail()
        let start = LedgerPosition(epoch: 1, seq: 0)
        let outcomes = try scene.commit(
            .append([revoked(id(1))]), advance(id(2), from: 0),
            .append([exemption(id(3), .subject, value: 5), cut(.subject, value: 5)]))
        #expect(outcomes.compactMap(\.stamp?.position.seq) == [1, 2, 4])
        let batch = try tail.read(after: start, wait: 100, by: soon)
        #expect(batch.records.map(\.seq) == [1, 2, 3, 4])
        #expect(batch.records.map(\.kind) == [.revokeSession, .rotate, .cut, .cut])
        #expect(batch.head.position == LedgerPosition(epoch: 1, seq: 4))
        #expect(batch.records[0] == revoked(id(1)).placed(seq: 1, time: batch.records[0].time))
        #expect(batch.told.isEmpty)
        let idle = try tail.read(after: batch.head.position, wait: 20, by: soon)
        #expect(idle.records.isEmpty && idle.head == batch.head)
    }

    @Test func `one of several that expect the same generation succeeds`() throws {
        let scene = try EngineScene()
        let second = try scene.another()
        #expect(try scene.commit(advance(id(1), from: 0)).stamp?.position.seq == 1)
        let outcomes = try second.commit([advance(id(1), from: 0, request: 9)], epoch: 1, by: soon)
        guard case .stands(let rotation?, let now)? = outcomes.first else {
            Issue.record("\(outcomes)")
            return
        }
        #expect(rotation.generation == 1 && rotation.request == 7 && now >= rotation.at)
        #expect(try second.commit([advance(id(1), from: 1)], epoch: 1, by: soon).first?.stamp?.position.seq == 2)
    }

    @Test func `a session that was revoked does not go on`() throws {
        let scene = try EngineScene()
        _ = try scene.commit(.append([revoked(id(1))]))
        #expect(try scene.commit(advance(id(1), from: 0)) == .rejected(.session))
    }

    @Test(arguments: [(RevokeBeforeKind.subject, Denial.subject), (.client, .client), (.all, .all)])
    func `a revoke-before time ends what began before its record, except who is exempt`(
        _ kind: RevokeBeforeKind, _ denial: Denial
    ) throws {
        let scene = try EngineScene()
        _ = try scene.commit(.append([exemption(id(3), kind, value: id(50).high), cut(kind, value: id(50).high)]))
        #expect(try scene.commit(advance(id(1), from: 0, birth: 1)) == .rejected(denial))
        #expect(try scene.commit(advance(id(2), from: 0, birth: 2)).stamp != nil)
        #expect(try scene.commit(advance(id(3), from: 0, birth: 1)).stamp != nil)
        #expect(try scene.commit(advance(id(4), from: 0, birth: nil)) == .rejected(denial))
        #expect(try scene.commit(advance(id(60), from: 0, birth: nil)).stamp != nil)
        #expect(try scene.commit(advance(id(3), from: 1, birth: nil)).stamp != nil)
        // The exemption does not include a later one.
        _ = try scene.commit(.append([cut(kind, value: id(55).high)]))
        #expect(try scene.commit(advance(id(3), from: 2, birth: 1)) == .rejected(denial))
        #expect(try scene.commit(advance(id(3), from: 2, birth: nil)) == .rejected(denial))
    }

    @Test func `what lives is loaded with its number and time`() throws {
        let scene = try EngineScene()
        let entry = SessionEntryScene.records(id(9))
        let token = RevocationCodec.record(.tokenRevoked(jti: id(5), expires: later, isOfAnyEnd: true, reason: 2))
        _ = try scene.commit(
            .append([revoked(id(1))]), .append([token]), advance(id(2), from: 0), advance(id(2), from: 1, request: 9),
            .append([exemption(id(3), .subject, value: 5), cut(.subject, value: 5)]),
            .append([cut(.key, value: 8, expires: .distantFuture)]), .append(entry))
        let log = try scene.tail().read(after: LedgerPosition(epoch: 1, seq: 0), wait: 0, by: soon).records
        let expected = log.filter { $0.seq != 3 }.sorted { $0.seq < $1.seq }
        #expect(try scene.loaded().sorted { $0.seq < $1.seq } == expected)
    }

    @Test func `an engine in another epoch does nothing`() throws {
        let scene = try EngineScene()
        let old = try scene.another()
        let head = try scene.beginEpoch()
        #expect(throws: StoreFault.epoch(head)) {
            try old.commit([.append([revoked(id(1))]), advance(id(2), from: 0)], epoch: 1, by: soon)
        }
        #expect(try scene.loaded().isEmpty)
        _ = try scene.server.ask("FLUSHALL")
        #expect(throws: StoreFault.epoch(nil)) { try scene.commit(advance(id(2), from: 0)) }
    }

    @Test func `scripts that Redis lost are loaded again`() throws {
        let scene = try EngineScene()
        _ = try scene.server.ask("SCRIPT", "FLUSH")
        #expect(try scene.commit(.append([revoked(id(1))]), advance(id(2), from: 0)).compactMap(\.stamp).count == 2)
        _ = try scene.server.ask("SCRIPT", "FLUSH")
        #expect(try scene.exchange(name: "a").nodes.count == 1)
    }
}

extension EngineScene {
    func exchange(name: String, instance: UInt64 = 1, by other: RedisEngine? = nil) throws -> EngineStatus {
        try (other ?? engine).exchange(
            NodeReport(
                name: name, instance: instance, version: "1.2", position: LedgerPosition(epoch: 1, seq: 3), age: 5,
                clockOffset: -7, keyHash: "ab", settingsHash: "cd"), by: soon)
    }
}

enum SessionEntryScene {
    static func records(_ sid: UUID) -> [JournalRecord] {
        let entry = SessionEntry(
            sid: sid, subject: "alice".utf8.span, clientID: "web", device: "Firefox on Linux",
            address: .ipv4(0x7f00_0001), end: later.seconds, idleSeconds: 60)
        return RevocationCodec.records(.sessionListed(entry))
    }
}
