import Encoding
import Journal
import Platform
import Revocation
import Store
import Testing

@testable import Postgres

@Suite("PostgreSQL: nodes and upkeep", .enabled(if: PostgresPrograms.areInstalled, PostgresPrograms.missing))
struct NodeTests {
    private func report(_ name: String, _ instance: UInt64) -> NodeReport {
        NodeReport(
            name: name, instance: instance, version: "1", position: LedgerPosition(epoch: 1, seq: 5), age: 3,
            clockOffset: -2, keyHash: "k", settingsHash: "s")
    }

    @Test func `nodes see each other, and a living name is not taken over`() throws {
        let server = try PostgresServer()
        let node = try Node(server)
        let first = try node.engine.exchange(report("a", .max), by: Sample.deadline)
        #expect(!first.isNameTaken)
        #expect(first.head == node.head)
        #expect(try node.engine.exchange(report("a", 2), by: Sample.deadline).isNameTaken)
        let both = try node.engine.exchange(report("b", 2), by: Sample.deadline)
        #expect(both.nodes.map(\.name) == ["a", "b"])
        #expect(both.nodes.map(\.instance) == [.max, 2])
        #expect(both.nodes[0].time <= both.now)
        try server.execute("UPDATE martlet.node SET at = at - 6000 WHERE name = 'a'")
        #expect(try !node.engine.exchange(report("a", 2), by: Sample.deadline).isNameTaken)
        try server.execute("UPDATE martlet.node SET at = at - 61000 WHERE name = 'b'")
        #expect(try node.engine.status(by: Sample.deadline).nodes.map(\.name) == ["a"])
    }

    @Test func `an engine without an epoch has a status`() throws {
        let server = try PostgresServer()
        let engine = try server.source().engine()
        _ = try engine.connect(by: Sample.deadline)
        let status = try engine.status(by: Sample.deadline)
        #expect(status.nodes.isEmpty && status.head == nil)
    }

    @Test func `what ended a day ago and the old part of the log are removed, in pieces, by one node at a time`() throws
    {
        let server = try PostgresServer()
        let node = try Node(server)
        let other = try Node(server)
        let steps = (0..<3_000).map { Sample.revokeToken(UInt64($0)) }
        for step in 0..<3 {
            _ = try node.engine.commit(
                Array(steps[(step * 1_000)..<(step * 1_000 + 1_000)]), epoch: 1, by: Sample.deadline)
        }
        _ = try node.commit(
            Sample.advance(Sample.sid(1), from: 0), Sample.write(Sample.sid(1), "{}", at: 0),
            Sample.write(Sample.sid(2), "{}", at: 0, birth: 1 << 40))
        _ = try node.commit(Sample.cut(.subject, Sample.subject, value: 1))
        try server.execute(
            """
            UPDATE martlet.denied SET expires = 1000 WHERE seq <= 2500;
            UPDATE martlet.log SET at = at - 3600001 WHERE seq <= 2600;
            """)
        let lock = try server.link()
        try lock.runScript(
            "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('martlet.maintain', 0))", by: Sample.deadline)
        while try other.engine.maintain(by: Sample.deadline) {}
        #expect(try server.number("SELECT count(*) FROM martlet.denied") == 3_000)
        try lock.runScript("COMMIT", by: Sample.deadline)
        while try other.engine.maintain(by: Sample.deadline) {}
        #expect(try server.number("SELECT count(*) FROM martlet.denied") == 500)
        #expect(try server.number("SELECT min(seq) FROM martlet.log") == 2_601)
        #expect(try server.number("SELECT count(*) FROM martlet.session") == 1)
        // The revoke-before time ended one of the two sessions with data.
        #expect(try server.number("SELECT count(*) FROM martlet.data") == 1)
        #expect(try node.commit(Sample.revokeToken(9_999))[0].seq == 3_003)
    }

    @Test func `the position that all replicas have is that of the one furthest behind, and none is assumed`() {
        var positions = ReplicaPositions()
        func see(_ seq: UInt64, at end: Int64, count: Int, visible: Int? = nil, slots: Int = 0, least: Int64) -> UInt64?
        {
            positions.note(
                seq: seq, at: end,
                ReplicaPositions.Sighting(
                    count: count, visibleCount: visible ?? count, slotCount: slots, least: least))
            return positions.safeSeq
        }
        #expect(see(1, at: 100, count: 0, least: -1) == nil)
        #expect(see(2, at: 200, count: 2, visible: 0, least: -1) == nil)
        #expect(see(3, at: 300, count: 2, least: 150) == 1)
        #expect(see(4, at: 400, count: 2, least: 399) == 3)
        #expect(see(5, at: 500, count: 1, least: 500) == 3, "one is away")
        #expect(see(6, at: 600, count: 2, slots: 3, least: 600) == 3, "one with a slot is away")
        #expect(see(6, at: 600, count: 3, slots: 3, least: 600) == 6)
    }
}
