import Encoding
import Foundation
import Platform
@testable import Revocation
import Testing

@Suite("Tables of fingerprints")
struct TablesTests {
    private let key: FingerprintKey = {
        var state: UInt64 = 3
        return FingerprintKey {
            state = state &* 6_364_136_223_846_793_005 &+ 1
            return state
        }
    }()

    /// Of one shard, as a set expects them.
    private func fingerprint(_ number: UInt64) -> UInt64 {
        key.fingerprint(Encoding.UUID(high: 5, low: number)) >> Shards.bits | 5 << (64 - Shards.bits)
    }

    @Test func `a set holds what was put in, and nothing else`() {
        var set = FingerprintSet()
        defer { set.free() }
        var wrongCount = 0
        for number in UInt64(0)..<10_000 {
            let (isNew, isNewAgain) = (set.insert(fingerprint(number)), set.insert(fingerprint(number)))
            if !isNew || isNewAgain { wrongCount += 1 }
        }
        #expect(wrongCount == 0 && set.count == 10_000)
        #expect((0..<10_000).allSatisfy { set.contains(fingerprint($0)) })
        #expect(!(10_000..<20_000).contains { set.contains(fingerprint($0)) })
    }

    @Test func `fingerprints of near identifiers spread over all shards`() {
        var shards = [Int](repeating: 0, count: 64)
        for number in UInt64(0)..<64_000 {
            shards[Int(key.fingerprint(Encoding.UUID(high: number << 16, low: 0)) >> 58)] += 1
        }
        #expect(shards.allSatisfy { (700..<1_300).contains($0) }, "\(shards)")
    }

    @Test func `a set stays right through every growth and split, and small`() {
        var set = FingerprintSet()
        defer { set.free() }
        var model: Set<UInt64> = []
        var random = SystemRandomNumberGenerator()
        var largest = 0.0
        var wrongCount = 0
        // All of one shard, as the six first bits tell.
        for number in UInt64(1)...60_000 {
            let fingerprint = (random.next() >> 6 | 5 << 58) & (number % 3 == 0 ? ~0xffff_ffff : .max)
            if set.insert(fingerprint) != model.insert(fingerprint).inserted { wrongCount += 1 }
            if set.count >= 20_000 { largest = max(largest, Double(set.byteCount) / Double(set.count)) }
        }
        #expect(wrongCount == 0 && set.count == model.count)
        #expect(model.allSatisfy { set.contains($0) })
        #expect(!model.contains { set.contains($0 ^ 1) != model.contains($0 ^ 1) })
        #expect(largest > 8 && largest <= 13, "\(largest) octets an entry at the worst moment")
    }

    @Test func `rotations keep their values through every growth and split, in 37 octets each at the most`() {
        var table = RotationTable()
        defer { table.free() }
        var model: [UInt64: Rotation] = [:]
        var largest = 0.0
        var wrongCount = 0
        for number in UInt64(0)..<30_000 {
            let fingerprint = key.fingerprint(Encoding.UUID(high: 8, low: number % 20_000)) >> 6 | 9 << 58
            let rotation = Rotation(
                generation: UInt32(number), request: ~UInt32(number),
                at: UnixMilliseconds(1_800_000_000_000 + Int64(number)))
            let isNew = model.updateValue(rotation, forKey: fingerprint) == nil
            if table.set(rotation, of: fingerprint) != isNew { wrongCount += 1 }
            if table.count >= 10_000 { largest = max(largest, Double(table.byteCount) / Double(table.count)) }
        }
        #expect(wrongCount == 0 && table.count == 20_000)
        #expect(model.allSatisfy { table.rotation(of: $0.key) == $0.value })
        #expect(table.rotation(of: 9 << 58 | 3) == nil)
        #expect(largest > 24 && largest <= 37, "\(largest) octets a session at the worst moment")
    }

    @Test func `many at once are the same as one after the other`() {
        let one = Denylist(key: key, stretchBits: 18)
        let other = Denylist(key: key, stretchBits: 18)
        let entries = (UInt64(0)..<5_000).map { number in
            let time = UnixMilliseconds(Int64(number % 7) << 18)
            return Denylist.Entry(
                id: Encoding.UUID(high: 1, low: number % 4_000), time: time, expires: time.adding(milliseconds: 10))
        }
        for entry in entries { one.insert(entry.id, at: entry.time, expires: entry.expires) }
        other.insert(Array(entries[..<2_000]))
        other.insert(Array(entries[2_000...]))
        #expect(one.count == other.count && one.byteCount == other.byteCount)
        #expect(entries.allSatisfy { other.contains($0.id, at: $0.time) })
        one.purge(expiredAt: 786_432)
        other.purge(expiredAt: 786_432)
        #expect(one.count == other.count && one.count > 0)
    }

    @Test func `what expired is given back to the kernel`() {
        // Other tests of this process take and give memory, too; what is never given back would fail every time.
        #expect((0..<10).contains { _ in givesMemoryBack() })
    }

    private func givesMemoryBack() -> Bool {
        let list = Denylist(key: key, stretchBits: 18)
        let before = residentByteCount()
        list.insert(
            (UInt64(0)..<600_000).map { Denylist.Entry(id: Encoding.UUID(high: 2, low: $0), time: 1, expires: 9) })
        let full = residentByteCount()
        #expect(list.byteCount > 2_500_000)
        list.purge(expiredAt: 9)
        #expect(list.count == 0 && list.byteCount == 0)
        // The arrays of the call above may or may not be gone by now; the tables must be.
        return full - before > 2_500_000 && full - residentByteCount() > 2_500_000
    }

    /// proc(5), statm.
    private func residentByteCount() -> Int {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        let fields = text.split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * 4_096 : 0
    }

    @Test func `a bucket goes when its last entry has expired`() {
        var buckets = ExpiryBuckets<FingerprintSet>(stretchBits: 10)
        for time in Int64(0)..<4 {
            _ = buckets.update(
                at: UnixMilliseconds(time * 1_024), expires: UnixMilliseconds(10_000 + time), new: FingerprintSet()
            ) { $0.insert(9) }
        }
        _ = buckets.update(at: 0, expires: 20_000, new: FingerprintSet()) { $0.insert(10) }
        #expect(buckets.drop(expiredAt: 10_002).map(\.count) == [1, 1])
        #expect(buckets.read(at: 1_023) { $0.contains(9) } == true)
        #expect(buckets.read(at: 1_024) { $0.contains(9) } == nil)
        #expect(buckets.read(at: 3_072) { $0.contains(9) } == true)
        #expect(buckets.read(at: -1) { $0.contains(9) } == nil)
    }
}
