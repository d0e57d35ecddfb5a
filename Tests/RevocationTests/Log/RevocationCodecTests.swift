import Encoding
import Journal
import Platform
@testable import Revocation
import Testing

@Suite("Events as records of the journal")
struct RevocationCodecTests {
    private static let id = UUID(high: 0x0198_0000_0000_7000, low: 0x8000_0000_0000_0001)
    private static let cut = RevokeBefore(value: 77, expires: 99)

    private static func record(
        _ kind: UInt8, expires: UnixMilliseconds, value: UInt64 = 0, flags: UInt8 = 0, reason: UInt16 = 0
    ) -> JournalRecord {
        JournalRecord(
            JournalRecord.Kind(rawValue: kind), key: id, expires: expires, value: value, flags: flags, reason: reason)
    }

    /// As docs/durability.md describes them.
    private static let pairs: [(RevocationEvent, JournalRecord)] = [
        (.tokenRevoked(jti: id, expires: 9, isOfAnyEnd: false, reason: 2), record(1, expires: 9, reason: 2)),
        (.tokenRevoked(jti: id, expires: 9, isOfAnyEnd: true, reason: 5), record(1, expires: 9, flags: 1, reason: 5)),
        (.sessionRevoked(sid: id, expires: 9, reason: 1), record(2, expires: 9, reason: 1)),
        (
            .rotated(sid: id, generation: 7, request: 3, sessionEnd: 9),
            record(3, expires: 9, value: 0x0000_0003_0000_0007)
        ),
        (
            .revokedBefore(cut, .subject, key: id, exemptsOne: false, reason: 1),
            record(4, expires: 99, value: 77, flags: 0x10, reason: 1)
        ),
        (
            .revokedBefore(cut, .client, key: id, exemptsOne: true, reason: 1),
            record(4, expires: 99, value: 77, flags: 0x28, reason: 1)
        ),
        (
            .revokedBefore(cut, .key, key: id, exemptsOne: false, reason: 4),
            record(4, expires: 99, value: 77, flags: 0x30, reason: 4)
        ),
        (.exempted(sid: id, cut, .all, reason: 0), record(4, expires: 99, value: 77, flags: 0x41)),
        (.sessionOpened(sid: id), record(7, expires: id.milliseconds)),
        (
            .epochBegan(epoch: 3, offset: 1 << 21),
            JournalRecord(
                JournalRecord.Kind(rawValue: 9), key: UUID(high: 0, low: 3), expires: .distantFuture, value: 1 << 21)
        ),
    ]

    @Test(arguments: pairs.indices)
    func `an event is one record, and is read back`(_ index: Int) {
        let (event, record) = Self.pairs[index]
        #expect(RevocationCodec.record(event) == record)
        #expect(RevocationCodec.event(record) == event)
    }

    @Test func `an OPEN record says how long sessions live, a SEAL nothing`() {
        let note = LifetimeNote(hours: 48, olderEnd: 1_800_000_000_000)
        let open = Self.record(5, expires: 1_800_000_000_000, value: 3, reason: 48)
        #expect(RevocationCodec.event(open) == .processStarted(note))
        #expect(RevocationCodec.event(Self.record(6, expires: 0)) == nil)
    }

    @Test func `the kinds keep their numbers and names`() {
        #expect(RevocationCodec.allKinds.map(\.rawValue) == Array(1...9))
        let names = ["REVOKE_JTI", "REVOKE_SID", "ROTATE", "CUT", "OPEN", "SEAL", "SESSION", "SESSION_ENTRY", "EPOCH"]
        #expect(RevocationCodec.allKinds.map(RevocationCodec.name) == names)
    }

    @Test func `only revocations may use the reserve`() {
        #expect(Self.pairs.map(\.0.isRevocation) == [true, true, true, false, true, true, true, true, false, false])
    }
}
