import Encoding
import Journal
import Platform
import Revocation
import Store
import Testing

@testable import Postgres

@Suite("PostgreSQL: the log", .enabled(if: PostgresPrograms.areInstalled, PostgresPrograms.missing))
struct TailTests {
    @Test func `a reader gets every record in order, with the time that the writer was told`() throws {
        let node = try Node()
        let tail = try node.tail()
        #expect(try tail.connect(by: Sample.deadline) == node.head)
        #expect(try tail.read(after: node.head.position, wait: 0, by: Sample.deadline).records.isEmpty)
        let outcomes = try node.commit(Sample.revokeToken(1), Sample.advance(Sample.sid(1), from: 0))
        let batch = try tail.read(after: node.head.position, wait: 5_000, by: Sample.deadline)
        #expect(batch.records.map { $0.seq as UInt64? } == outcomes.seqs)
        #expect(batch.records.map(\.kind) == [.revokeToken, .rotate])
        #expect(batch.head.position == LedgerPosition(epoch: 1, seq: 2))
        #expect(Set(batch.records.map(\.time)) == [batch.head.time])
    }

    @Test func `a wait ends with the notice of a record, which the reader may have already`() throws {
        let node = try Node()
        let tail = try node.tail()
        _ = try tail.connect(by: Sample.deadline)
        _ = try node.commit(Sample.revokeToken(1))
        let position = LedgerPosition(epoch: 1, seq: 1)
        let began = ContinuousClock.now
        let batch = try tail.read(after: position, wait: 300_000, by: .after(milliseconds: 300_000))
        #expect(batch.records.isEmpty && batch.head.position == position)
        #expect(ContinuousClock.now - began < .seconds(200))
    }

    @Test func `positions outside of the history are of another epoch, and trimmed ones are gone`() throws {
        let server = try PostgresServer()
        let node = try Node(server)
        let tail = try server.source().tail()
        _ = try tail.connect(by: Sample.deadline)
        _ = try node.commit(Sample.revokeToken(1), Sample.revokeToken(2), Sample.revokeToken(3))
        let report = try node.engine.connect(by: Sample.deadline)
        let next = try node.engine.begin(
            epoch: 2, at: 2 << 20, expecting: report.head, identity: "other", by: Sample.deadline)
        #expect(next.position == LedgerPosition(epoch: 2, seq: 2 << 20 - 1))
        for position in [LedgerPosition(epoch: 1, seq: 4), .init(epoch: 3, seq: 1), .init(epoch: 2, seq: 5)] {
            #expect(throws: StoreFault.epoch(next)) { try tail.read(after: position, wait: 0, by: Sample.deadline) }
        }
        _ = try node.engine.commit([Sample.revokeToken(4)], epoch: 2, by: Sample.deadline)
        let batch = try tail.read(after: LedgerPosition(epoch: 1, seq: 1), wait: 0, by: Sample.deadline)
        #expect(batch.records.map(\.seq) == [2, 3, 2 << 20])
        try server.execute("DELETE FROM martlet.log WHERE seq < 3")
        #expect(throws: StoreFault.gone) {
            try tail.read(after: LedgerPosition(epoch: 1, seq: 1), wait: 0, by: Sample.deadline)
        }
        #expect(try tail.read(after: LedgerPosition(epoch: 1, seq: 2), wait: 0, by: Sample.deadline).records.count == 2)
    }
}
