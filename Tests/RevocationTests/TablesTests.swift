import Octets
import Testing

@testable import Revocation

@Suite("Tables of fingerprints")
struct TablesTests {
    private let key: FingerprintKey = {
        var state: UInt64 = 3
        return FingerprintKey {
            state = state &* 6_364_136_223_846_793_005 &+ 1
            return state
        }
    }()

    @Test func `a set holds what was put in, and nothing else`() {
        var set = FingerprintSet()
        for number in UInt64(0)..<10_000 {
            let fingerprint = key.fingerprint(UUID(high: 5, low: number))
            let (isNew, isNewAgain) = (set.insert(fingerprint), set.insert(fingerprint))
            #expect(isNew && !isNewAgain)
        }
        #expect(set.count == 10_000)
        #expect((0..<10_000).allSatisfy { set.contains(key.fingerprint(UUID(high: 5, low: $0))) })
        #expect(!(10_000..<20_000).contains { set.contains(key.fingerprint(UUID(high: 5, low: $0))) })
    }

    @Test func `fingerprints of near identifiers spread over all shards`() {
        var shards = [Int](repeating: 0, count: 64)
        for number in UInt64(0)..<64_000 { shards[Int(key.fingerprint(UUID(high: number << 16, low: 0)) >> 58)] += 1 }
        #expect(shards.allSatisfy { (700..<1_300).contains($0) }, "\(shards)")
    }

    @Test func `a rotation entry takes no more than 32 octets`() {
        #expect(MemoryLayout<Rotation>.stride + MemoryLayout<UInt64>.stride <= 24)
    }

    @Test func `a bucket goes when its last entry has expired`() {
        var buckets = ExpiryBuckets<FingerprintSet>(stretchBits: 10)
        for time in Int64(0)..<4 {
            _ = buckets.update(at: time * 1_024, expires: 10_000 + time, new: FingerprintSet()) { $0.insert(9) }
        }
        _ = buckets.update(at: 0, expires: 20_000, new: FingerprintSet()) { $0.insert(10) }
        #expect(buckets.drop(expiredAt: 10_002).map(\.count) == [1, 1])
        #expect(buckets.read(at: 1_023) { $0.contains(9) } == true)
        #expect(buckets.read(at: 1_024) { $0.contains(9) } == nil)
        #expect(buckets.read(at: 3 * 1_024) { $0.contains(9) } == true)
        #expect(buckets.read(at: -1) { $0.contains(9) } == nil)
    }
}
