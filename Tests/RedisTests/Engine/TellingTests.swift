import Encoding
import Journal
import Platform
import Revocation
import Testing

@testable import Redis
@testable import Store

@Suite("Telling a new epoch", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct TellingTests {
    private func rotated(_ sid: UUID, _ generation: UInt32, request: UInt32 = 7, seq: UInt64, time: Int64)
        -> JournalRecord
    {
        RevocationCodec.record(
            .rotated(sid: sid, generation: generation, request: request, sessionEnd: later)
        ).placed(seq: seq, time: UnixMilliseconds(time))
    }

    private func recorded(_ outcome: StepOutcome) throws -> (seq: UInt64, forks: Int) {
        guard case .recorded(let stamp, let forks) = outcome else {
            throw StoreFault.malformed(reason: "\(outcome)")
        }
        return (stamp.position.seq, forks)
    }

    @Test func `revocations are a union, and what is known already is not recorded again`() throws {
        let scene = try EngineScene()
        let told = [revoked(id(1)).placed(seq: 5, time: 1_000), revoked(id(2)).placed(seq: 6, time: 2_000)]
        _ = try scene.commit(.append([revoked(id(1))]))
        let first = try recorded(scene.commit(.tell(told)))
        #expect(first.seq == 2 && first.forks == 0)
        #expect(try recorded(scene.commit(.tell(told))).seq == 2)
        #expect(try scene.commit(advance(id(2), from: 0)) == .rejected(.session))
        #expect(try scene.loaded().count == 2)
    }

    @Test func `a rotation keeps its time, in the log as well`() throws {
        let scene = try EngineScene()
        _ = try scene.commit(.tell([rotated(id(1), 3, seq: 5, time: 1_000)]))
        guard case .stands(let rotation?, _) = try scene.commit(advance(id(1), from: 2)) else {
            Issue.record("the session does not stand")
            return
        }
        #expect(rotation == Rotation(generation: 3, request: 7, at: 1_000))
        let batch = try scene.tail().read(after: LedgerPosition(epoch: 1, seq: 0), wait: 0, by: soon)
        #expect(batch.told == [0: 5])
        #expect(batch.records.first?.time == 1_000 && batch.records.first?.seq == 1)
        #expect(batch.records.first.map(RevocationCodec.isAgain) == true)
        #expect(batch.head.time > 1_000_000)
    }

    @Test func `of two rotations the higher generation counts`() throws {
        let scene = try EngineScene()
        _ = try scene.commit(advance(id(1), from: 0), advance(id(1), from: 1))
        #expect(try recorded(scene.commit(.tell([rotated(id(1), 1, seq: 5, time: 1)]))) == (2, 0))
        #expect(try recorded(scene.commit(.tell([rotated(id(1), 3, seq: 5, time: 1)]))) == (3, 0))
        #expect(try scene.commit(advance(id(1), from: 3)).stamp != nil)
    }

    @Test(arguments: [(7, 1), (9, 0)])
    func `the same generation with another time or request is a fork, which ends the session`(
        _ request: UInt32, _ offset: Int64
    ) throws {
        let scene = try EngineScene()
        let time = try #require(try scene.commit(advance(id(1), from: 0)).stamp).time.count
        #expect(try recorded(scene.commit(.tell([rotated(id(1), 1, seq: 5, time: time)]))) == (1, 0))
        let told = rotated(id(1), 1, request: request, seq: 5, time: time + offset)
        #expect(try recorded(scene.commit(.tell([told]))) == (2, 1))
        #expect(try scene.commit(advance(id(1), from: 1)) == .rejected(.session))
        #expect(try recorded(scene.commit(.tell([told]))) == (2, 0))
        let batch = try scene.tail().read(after: LedgerPosition(epoch: 1, seq: 1), wait: 0, by: soon)
        #expect(batch.records.map(\.kind) == [.revokeSession])
        #expect(batch.records.first?.reason == RevocationReason.refreshReused.rawValue)
    }

    @Test func `a rotation that was repeated is no fork, whichever of both is told`() throws {
        let scene = try EngineScene()
        _ = try scene.commit(advance(id(1), from: 0), advance(id(1), from: 0, isRepeated: true))
        #expect(try recorded(scene.commit(.tell([rotated(id(1), 1, seq: 5, time: 3)]))) == (2, 0))
        let time = try #require(try scene.commit(advance(id(2), from: 0)).stamp).time.count
        let again = RevocationCodec.again(rotated(id(2), 1, seq: 5, time: time + 9))
        #expect(try recorded(scene.commit(.tell([again.placed(seq: 5, time: UnixMilliseconds(time + 9))]))) == (3, 0))
        #expect(try recorded(scene.commit(.tell([again.placed(seq: 5, time: UnixMilliseconds(time + 9))]))).forks == 0)
    }

    @Test func `a revoke-before time keeps its number, so that sessions live that began after it`() throws {
        let scene = try EngineScene()
        let head = try scene.beginEpoch()
        let told = [
            exemption(id(3), .subject, value: 9).placed(seq: 40, time: 1),
            cut(.subject, value: 9).placed(seq: 41, time: 1),
        ]
        #expect(try recorded(scene.commit(.tell(told))).seq == head.position.seq + 2)
        #expect(try recorded(scene.commit(.tell(told))).seq == head.position.seq + 2)
        #expect(try scene.commit(advance(id(1), from: 0, birth: 40)) == .rejected(.subject))
        #expect(try scene.commit(advance(id(2), from: 0, birth: 41)).stamp != nil)
        #expect(try scene.commit(advance(id(3), from: 0, birth: 3)).stamp != nil)
        #expect(try scene.loaded().filter { $0.kind == .cut }.map(\.seq).sorted() == [40, 41])
    }

    @Test func `an earlier revoke-before time that is told does not bring back what a later one ended`() throws {
        let scene = try EngineScene()
        _ = try scene.beginEpoch()
        _ = try scene.commit(.append([cut(.subject, value: 20)]))
        _ = try scene.commit(
            .tell([
                exemption(id(3), .subject, value: 9).placed(seq: 40, time: 1),
                cut(.subject, value: 9).placed(seq: 41, time: 1),
            ]))
        #expect(try scene.commit(advance(id(3), from: 0, birth: 3)) == .rejected(.subject))
    }

    @Test func `an entry is told once, and not after its session has ended`() throws {
        let scene = try EngineScene()
        let entry = SessionEntryScene.records(id(9))
        let told = entry.enumerated().map { $1.placed(seq: 7 + UInt64($0), time: 5) }
        _ = try scene.commit(.tell(told))
        #expect(try recorded(scene.commit(.tell(told))).seq == UInt64(entry.count))
        #expect(try scene.loaded().map(\.seq) == told.map(\.seq))
        _ = try scene.commit(.append([revoked(id(9))]))
        #expect(try recorded(scene.commit(.tell(told))).seq == UInt64(entry.count) + 1)
        #expect(try scene.loaded().count == 1)
    }

    @Test func `a thousand records are told in one step`() throws {
        let scene = try EngineScene()
        let told = (1...1_000).map { revoked(id($0)).placed(seq: $0, time: 5) }
        #expect(try recorded(scene.commit(.tell(told))) == (1_000, 0))
        #expect(try scene.loaded().count == 1_000)
        #expect(try recorded(scene.commit(.tell([]))) == (1_000, 0))
    }
}
