import Encoding
import Platform
@testable import Revocation
import Testing

@Suite("Entries of sessions in memory")
struct EntryShardTests {
    private static func slot(_ number: UInt64, of subject: UInt64) -> EntrySlot {
        let entry = SessionEntry(
            sid: UUID(high: 0x0198_0000_0000_7000 + number << 16, low: 1 << 63 | number),
            subject: UUID(high: subject, low: ~subject), client: .name("web"), device: nil, address: nil,
            end: 1_900_000_000_000, idleSeconds: 60)
        return EntrySlot(entry, client: 0, recordCount: 2)
    }

    @Test func `finds what a plain list finds, whatever was added and removed`() {
        var state: UInt64 = 7
        func draw(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1
            return (state >> 33) % bound
        }
        var shard = EntryShard(key: FingerprintKey(random: { draw(1 << 31) << 31 | draw(1 << 31) }))
        var known: [(sid: UUID, subject: UUID)] = []
        for turn in 0..<6_000 as Range<UInt64> {
            let isGrowing = turn % 3_000 < 2_000
            if known.isEmpty || draw(10) < (isGrowing ? 7 : 2) {
                let slot = Self.slot(turn, of: draw(40))
                #expect(shard.insert(slot) && !shard.insert(slot))
                known.append((slot.sid, slot.subject))
            } else {
                let index = Int(draw(UInt64(known.count)))
                #expect(shard.remove(known[index].sid)?.subject == known[index].subject)
                #expect(shard.remove(known[index].sid) == nil)
                known.remove(at: index)
            }
            if turn % 500 == 499 { shard.shrink() }
            guard turn % 100 == 99 else { continue }
            #expect(shard.count == known.count && shard.all().count == known.count)
            for subject in 0..<40 as Range<UInt64> {
                let id = UUID(high: subject, low: ~subject)
                let expected = known.filter { $0.subject == id }.map(\.sid).reversed()
                #expect(shard.slots(of: id, upTo: .max).map(\.sid) == Array(expected))
            }
            for (sid, _) in known { #expect(shard.slot(sid) != nil) }
        }
    }
}
