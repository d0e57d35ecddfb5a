import Platform

/// One table per period of time. A table is dropped when the last of its entries has expired.
struct ExpiryBuckets<Table: Sendable>: Sendable {
    private var stretches: [Int64] = []
    private var buckets: [(latest: UnixMilliseconds, table: Table)] = []
    /// A period lasts 2^bits milliseconds.
    private let bits: Int64

    var tables: [Table] { buckets.map(\.table) }

    init(stretchBits bits: Int64) {
        self.bits = bits
    }

    /// Returns what `body` returns for the table of the period that contains `time`; nil if there is none.
    func read<Answer>(at time: UnixMilliseconds, _ body: (borrowing Table) -> Answer) -> Answer? {
        let stretch = time.count >> bits
        let index = lowerBound(stretch)
        guard index < stretches.count, stretches[index] == stretch else { return nil }
        return body(buckets[index].table)
    }

    func contains(where body: (borrowing Table) -> Bool) -> Bool {
        for bucket in buckets where body(bucket.table) { return true }
        return false
    }

    /// Calls `body` with the table of a period, which is created if it is missing.
    ///
    /// - Parameters:
    ///   - time: selects the period.
    ///   - expires: the table is kept at least until then.
    mutating func update<Answer>(
        at time: UnixMilliseconds, expires: UnixMilliseconds, new: @autoclosure () -> Table,
        _ body: (inout Table) -> Answer
    ) -> Answer {
        let stretch = time.count >> bits
        let index = lowerBound(stretch)
        if index == stretches.count || stretches[index] != stretch {
            stretches.insert(stretch, at: index)
            buckets.insert((expires, new()), at: index)
        }
        buckets[index].latest = max(buckets[index].latest, expires)
        return body(&buckets[index].table)
    }

    /// Removes expired tables.
    ///
    /// - Returns: the tables whose last entry expired at or before `now`.
    mutating func drop(expiredAt now: UnixMilliseconds) -> [Table] {
        guard buckets.contains(where: { $0.latest <= now }) else { return [] }
        let dropped = buckets.filter { $0.latest <= now }.map(\.table)
        stretches = zip(stretches, buckets).filter { $0.1.latest > now }.map(\.0)
        buckets.removeAll { $0.latest <= now }
        return dropped
    }

    private func lowerBound(_ stretch: Int64) -> Int {
        var low = 0
        var high = stretches.count
        // Most new entries expire at about the same time, in the last period.
        if high > 1, stretches[high - 2] < stretch { low = high - 1 }
        while low < high {
            let middle = (low + high) / 2
            if stretches[middle] < stretch { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
