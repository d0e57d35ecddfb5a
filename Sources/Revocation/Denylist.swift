internal import Octets
internal import Synchronization

/// A set of refused identifiers that forgets each some time after it has expired.
///
/// 64 shards with a lock each, held for a few nanoseconds; a table that grows holds one of them longer.
final class Denylist: Sendable {
    private let shards: InlineArray<64, Mutex<ExpiryBuckets<FingerprintSet>>>
    private let key: FingerprintKey
    private let total = Atomic<Int>(0)

    init(key: FingerprintKey, stretchBits: Int64) {
        self.key = key
        shards = InlineArray { _ in Mutex(ExpiryBuckets(stretchBits: stretchBits)) }
    }

    var count: Int { total.load(ordering: .acquiring) }

    /// - Parameter time: what was given to ``insert(_:at:expires:)``, in milliseconds.
    func contains(_ id: UUID, at time: Int64) -> Bool {
        guard total.load(ordering: .acquiring) != 0 else { return false }
        let fingerprint = key.fingerprint(id)
        return shards[Self.shard(fingerprint)].withLock { buckets in
            buckets.read(at: time) { $0.contains(fingerprint) } ?? false
        }
    }

    /// - Parameter time: any property of the identifier that a lookup knows too; near ones share a bucket.
    func insert(_ id: UUID, at time: Int64, expires: Int64) {
        let fingerprint = key.fingerprint(id)
        let isNew = shards[Self.shard(fingerprint)].withLock { buckets in
            buckets.update(at: time, expires: expires, new: FingerprintSet()) { $0.insert(fingerprint) }
        }
        if isNew { total.wrappingAdd(1, ordering: .releasing) }
    }

    func purge(expiredAt now: Int64) {
        for index in shards.indices {
            let dropped = shards[index].withLock { $0.drop(expiredAt: now) }
            total.wrappingSubtract(dropped.reduce(0) { $0 + $1.count }, ordering: .releasing)
        }
    }

    /// The low bits choose the place in a table, so the high ones choose the shard.
    private static func shard(_ fingerprint: UInt64) -> Int {
        Int(truncatingIfNeeded: fingerprint >> 58)
    }
}
