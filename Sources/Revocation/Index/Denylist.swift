internal import Encoding
import Platform
internal import Synchronization

/// A set of revoked identifiers, each of which is removed some time after it has expired.
///
/// It has 64 shards with one lock each. A lock is held for a few nanoseconds, or for about ten microseconds while one
/// small table grows.
final class Denylist: Sendable {
    private let shards: InlineArray<64, Mutex<ExpiryBuckets<FingerprintSet>>>
    private let key: FingerprintKey
    private let total = Atomic<Int>(0)
    /// Receives the result of prefetching reads, so that the compiler does not remove them.
    private let touched = Atomic<UInt64>(0)

    init(key: FingerprintKey, stretchBits: Int64) {
        self.key = key
        shards = InlineArray { _ in Mutex(ExpiryBuckets(stretchBits: stretchBits)) }
    }

    deinit {
        for index in shards.indices { shards[index].withLock { for table in $0.tables { table.free() } } }
    }

    var count: Int { total.load(ordering: .acquiring) }

    /// Returns whether the identifier is in the set.
    ///
    /// - Parameter time: the same as for ``insert(_:at:expires:)``, in milliseconds.
    func contains(_ id: UUID, at time: UnixMilliseconds) -> Bool {
        guard total.load(ordering: .acquiring) != 0 else { return false }
        let fingerprint = key.fingerprint(id)
        return shards[Shards.index(of: fingerprint)].withLock { buckets in
            buckets.read(at: time) { $0.contains(fingerprint) } ?? false
        }
    }

    /// Returns whether the identifier was inserted with any time.
    func containsAnywhere(_ id: UUID) -> Bool {
        guard total.load(ordering: .acquiring) != 0 else { return false }
        let fingerprint = key.fingerprint(id)
        return shards[Shards.index(of: fingerprint)].withLock { buckets in
            buckets.contains { $0.contains(fingerprint) }
        }
    }

    /// Inserts an identifier.
    ///
    /// - Parameter time: a property of the identifier that a lookup knows too; similar values share a bucket.
    func insert(_ id: UUID, at time: UnixMilliseconds, expires: UnixMilliseconds) {
        let fingerprint = key.fingerprint(id)
        let isNew = shards[Shards.index(of: fingerprint)].withLock { buckets in
            buckets.update(at: time, expires: expires, new: FingerprintSet()) { $0.insert(fingerprint) }
        }
        if isNew { total.wrappingAdd(1, ordering: .releasing) }
    }

    /// One identifier of a bulk insertion.
    struct Entry {
        let id: UUID
        let time: UnixMilliseconds
        let expires: UnixMilliseconds
    }

    /// Inserts each entry like ``insert(_:at:expires:)``, in any order. It processes one shard after another and
    /// prefetches the slots of its entries, since memory latency dominates the cost.
    func insert(_ entries: [Entry]) {
        var ends = [Int](repeating: 0, count: shards.count + 1)
        let fingerprints = entries.map { key.fingerprint($0.id) }
        for fingerprint in fingerprints { ends[Shards.index(of: fingerprint) + 1] += 1 }
        for shard in shards.indices { ends[shard + 1] += ends[shard] }
        var next = ends
        var sorted = [Placed](repeating: Placed(fingerprint: 0, time: 0, expires: 0), count: entries.count)
        for (fingerprint, entry) in zip(fingerprints, entries) {
            let shard = Shards.index(of: fingerprint)
            sorted[next[shard]] = Placed(fingerprint: fingerprint, time: entry.time, expires: entry.expires)
            next[shard] += 1
        }
        var newCount = 0
        for shard in shards.indices where ends[shard] < ends[shard + 1] {
            let chosen = ends[shard]..<ends[shard + 1]
            newCount += shards[shard].withLock { insert(sorted, chosen, into: &$0) }
        }
        total.wrappingAdd(newCount, ordering: .releasing)
    }

    private struct Placed {
        var fingerprint: UInt64
        var time: UnixMilliseconds
        var expires: UnixMilliseconds
    }

    /// Inserts the entries of one shard.
    ///
    /// - Returns: how many are new.
    private func insert(
        _ entries: [Placed], _ chosen: Range<Int>, into buckets: inout ExpiryBuckets<FingerprintSet>
    ) -> Int {
        var sum: UInt64 = 0
        for index in chosen {
            let fingerprint = entries[index].fingerprint
            sum ^= buckets.read(at: entries[index].time) { $0.touch(fingerprint) } ?? 0
        }
        touched.store(sum, ordering: .relaxed)
        var newCount = 0
        for index in chosen {
            let entry = entries[index]
            let isNew = buckets.update(at: entry.time, expires: entry.expires, new: FingerprintSet()) {
                $0.insert(entry.fingerprint)
            }
            if isNew { newCount += 1 }
        }
        return newCount
    }

    /// The number of bytes of all tables.
    var byteCount: Int {
        shards.indices.reduce(0) { sum, index in
            sum + shards[index].withLock { buckets in buckets.tables.reduce(0) { $0 + $1.byteCount } }
        }
    }

    func purge(expiredAt now: UnixMilliseconds) {
        for index in shards.indices {
            let dropped = shards[index].withLock { $0.drop(expiredAt: now) }
            for table in dropped { table.free() }
            total.wrappingSubtract(dropped.reduce(0) { $0 + $1.count }, ordering: .releasing)
        }
    }
}
