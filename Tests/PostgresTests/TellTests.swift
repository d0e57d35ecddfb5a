import Encoding
import Journal
import Platform
import Revocation
import Store
import Testing

@testable import Postgres

@Suite("PostgreSQL: a new epoch", .enabled(if: PostgresPrograms.areInstalled, PostgresPrograms.missing))
struct TellTests {
    private static let time = UnixMilliseconds(1_700_000_000_000)

    private static func rotation(
        _ sid: UUID, _ generation: UInt32, request: UInt32 = 7, at time: UnixMilliseconds = time
    ) -> JournalRecord {
        RevocationCodec.record(
            .rotated(sid: sid, generation: generation, request: request, sessionEnd: Sample.end)
        ).placed(seq: 100, time: time)
    }

    private func rotation(of sid: UUID, in node: Node) throws -> Rotation? {
        guard case .stands(let rotation, _) = try node.commit(Sample.advance(sid, from: .max))[0] else { return nil }
        return rotation
    }

    @Test func `the higher generation counts and keeps its time; what is known is not recorded again`() throws {
        let node = try Node()
        let (one, two) = (Sample.sid(1), Sample.sid(2))
        _ = try node.commit(Sample.advance(two, from: 0), Sample.advance(two, from: 1))
        let told: [JournalRecord] = [Self.rotation(one, 4), Self.rotation(two, 1)]
        let outcome = try node.commit(.tell(told))[0]
        #expect(outcome.seq == 3)
        #expect(try rotation(of: one, in: node) == Rotation(generation: 4, request: 7, at: Self.time))
        #expect(try rotation(of: two, in: node)?.generation == 2)
        #expect(try node.commit(.tell(told))[0].seq == 3, "nothing new")
        let record = try #require(try node.load().first { $0.kind == .rotate && $0.key == one })
        #expect(record.time == Self.time)
        #expect(RevocationCodec.isAgain(record))
    }

    @Test(arguments: [(UInt32(8), Self.time), (UInt32(7), Self.time.adding(milliseconds: 1))])
    func `the same generation with another request or time ends the session`(
        _ request: UInt32, _ time: UnixMilliseconds
    )
        throws
    {
        let node = try Node()
        let sid = Sample.sid(1)
        _ = try node.commit(Sample.advance(sid, from: 0), Sample.write(sid, "{}", at: 0))
        let outcome = try node.commit(.tell([Self.rotation(sid, 1, request: request, at: time)]))[0]
        guard case .recorded(let stamp, 1) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(stamp.position.seq == 2)
        #expect(
            try node.commit(Sample.advance(sid, from: 1), .readData(sid: sid)) == [
                .rejected(.session), .rejected(.session),
            ])
        #expect(try node.load().contains { $0.kind == .revokeSession && $0.key == sid && $0.reason == 3 })
        // The session has ended already.
        #expect(try node.commit(.tell([Self.rotation(sid, 1, request: request, at: time)]))[0] == .recorded(stamp))
    }

    @Test func `a repetition with another time is no fork, whoever tells of it`() throws {
        let node = try Node()
        let (one, two) = (Sample.sid(1), Sample.sid(2))
        _ = try node.commit(Sample.advance(one, from: 0), Sample.advance(one, from: 0, isRepeated: true))
        _ = try node.commit(Sample.advance(two, from: 0))
        let told = [
            Self.rotation(one, 1), RevocationCodec.again(Self.rotation(two, 1)).placed(seq: 5, time: Self.time),
        ]
        #expect(try node.commit(.tell(told))[0].seq == 3)
        #expect(try rotation(of: one, in: node)?.generation == 1)
    }

    @Test func `a told revoke-before time ends what began before its first number, and readers learn that number`()
        throws
    {
        let node = try Node()
        let report = try node.engine.connect(by: Sample.deadline)
        let epoch = try node.engine.begin(
            epoch: 2, at: 2 << 20, expecting: report.head, identity: report.identity, by: Sample.deadline)
        let cut = RevocationCodec.record(
            .revokedBefore(
                RevokeBefore(value: 9, expires: Sample.end), .subject, key: Sample.subject, exemptsOne: false, reason: 0
            )
        ).placed(seq: 50, time: Self.time)
        let outcomes = try node.engine.commit(
            [
                .tell([cut]), Sample.advance(Sample.sid(1), from: 0, birth: 49),
                Sample.advance(Sample.sid(2), from: 0, birth: 50),
            ], epoch: 2, by: Sample.deadline)
        let first: UInt64 = 2 << 20
        #expect(outcomes.seqs == [first, nil, first + 1])
        #expect(outcomes[1] == .rejected(.subject))
        let tail = try node.tail()
        _ = try tail.connect(by: Sample.deadline)
        let batch = try tail.read(after: epoch.position, wait: 0, by: Sample.deadline)
        #expect(batch.told == [0: 50])
        #expect(batch.records.map(\.seq) == [first, first + 1])
        #expect(batch.records.first?.time == Self.time)
    }

    @Test func `an epoch begins only at the head that was seen`() throws {
        let node = try Node()
        _ = try node.commit(Sample.revokeToken(1))
        let head = try #require(try node.engine.connect(by: Sample.deadline).head)
        #expect(throws: StoreFault.epoch(head)) {
            try node.engine.begin(epoch: 2, at: 2 << 20, expecting: node.head, identity: "x", by: Sample.deadline)
        }
        #expect(throws: StoreFault.epoch(head)) {
            try node.engine.begin(epoch: 1, at: 2 << 20, expecting: head, identity: "x", by: Sample.deadline)
        }
    }
}
