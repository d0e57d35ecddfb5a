import Platform

/// Token buckets of failures, stored as one time stamp each: when the bucket will be full again.
///
/// A full bucket needs no entry. The stamp is at most `failureCountMax` refills in the future, so a clock that jumps
/// back blocks an account no longer than an empty bucket does.
struct FailureBuckets: Sendable {
    private let limit: LoginThrottle.Limit
    private(set) var table: KeyedTable

    init(_ limit: LoginThrottle.Limit, entryCountMax: Int) {
        self.limit = limit
        table = KeyedTable(entryCountMax: entryCountMax)
    }

    private var wholeMilliseconds: Int64 { limit.failureCountMax * limit.refillMilliseconds }

    private func fullAt(_ key: UInt64, now: Int64) -> Int64 {
        guard let stamp = table[key] else { return now }
        return min(max(stamp, now), now.saturatingAdd(wholeMilliseconds))
    }

    /// Returns the milliseconds until a failure is allowed; 0 if one is allowed now.
    func wait(_ key: UInt64, now: Int64) -> Int64 {
        if limit.isOff { return 0 }
        return max(fullAt(key, now: now) &- now &- (wholeMilliseconds - limit.refillMilliseconds), 0)
    }

    mutating func charge(_ key: UInt64, now: Int64) {
        if limit.isOff { return }
        table[key] = fullAt(key, now: now).saturatingAdd(limit.refillMilliseconds)
    }

    mutating func refund(_ key: UInt64) {
        guard !limit.isOff, let stamp = table[key] else { return }
        table[key] = stamp.saturatingAdd(-limit.refillMilliseconds)
    }

    mutating func clear(_ key: UInt64) {
        table[key] = nil
    }
}
