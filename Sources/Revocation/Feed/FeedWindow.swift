internal import Platform

/// The newest records of a log in their binary form, in ascending order.
struct FeedWindow {
    /// The records from ``start`` on.
    private var bytes: [UInt8] = []
    private var seqs: [UInt64] = []
    private var times: [UnixMilliseconds] = []
    private var start = 0
    /// Every record above this number is here.
    private(set) var floor: UInt64 = 0

    var count: Int { seqs.count &- start }

    /// Adds a record, and drops those that are too old or too many.
    ///
    /// - Returns: false for a record that is not above all others, which changes nothing.
    mutating func append(_ record: FeedRecord) -> Bool {
        guard record.position.seq > max(seqs.last ?? 0, floor) else { return false }
        FeedCodec.write(record, to: &bytes)
        seqs.append(record.position.seq)
        times.append(record.time)
        let horizon = record.time.adding(milliseconds: -RevocationFeed.keptMilliseconds)
        while count > RevocationFeed.recordCountMax || (count > 1 && times[start] < horizon) { dropFirst() }
        return true
    }

    mutating func forgetEverything(upTo seq: UInt64) {
        self = FeedWindow(floor: max(seq, floor))
    }

    init(floor: UInt64 = 0) {
        self.floor = floor
    }

    /// Returns the first records above a number.
    ///
    /// - Returns: nil if some of them were dropped.
    func records(after seq: UInt64, countMax: Int) -> (bytes: [UInt8], hasMore: Bool)? {
        guard seq >= floor else { return nil }
        let first = index(after: seq)
        let end = min(seqs.count, first &+ countMax)
        let range = (first &* FeedCodec.byteCount)..<(end &* FeedCodec.byteCount)
        return (Array(bytes[range]), end < seqs.count)
    }

    /// Returns the index of the first record above a number.
    private func index(after seq: UInt64) -> Int {
        var (low, high) = (start, seqs.count)
        while low < high {
            let middle = low &+ (high &- low) / 2
            if seqs[middle] > seq { high = middle } else { low = middle &+ 1 }
        }
        return low
    }

    private mutating func dropFirst() {
        floor = seqs[start]
        start &+= 1
        // Moving the rest costs little if it happens once for many records.
        guard start >= RevocationFeed.recordCountMax / 4 || start == seqs.count else { return }
        bytes.removeSubrange(0..<(start &* FeedCodec.byteCount))
        seqs.removeSubrange(0..<start)
        times.removeSubrange(0..<start)
        start = 0
    }
}

/// Collects the newest records of a log that is being opened. A snapshot may contain them in another order.
struct FeedReplay {
    private let since: UnixMilliseconds
    private var records: [FeedRecord] = []
    /// The greatest number of a record that was left out.
    private var floor: UInt64 = 0

    init(since: UnixMilliseconds) {
        self.since = since
    }

    mutating func take(_ record: FeedRecord) {
        guard record.time >= since else {
            floor = max(floor, record.position.seq)
            return
        }
        records.append(record)
        if records.count >= 2 &* RevocationFeed.recordCountMax { trim() }
    }

    private mutating func trim() {
        records.sort { $0.position < $1.position }
        let excess = records.count &- RevocationFeed.recordCountMax
        guard excess > 0 else { return }
        floor = max(floor, records[excess &- 1].position.seq)
        records.removeSubrange(0..<excess)
    }

    /// The window of the newest records.
    ///
    /// - Parameter epoch: records of earlier epochs are left out.
    func window(epoch: UInt32) -> FeedWindow {
        var sorted = self
        sorted.trim()
        let old = sorted.records.filter { $0.position.epoch != epoch }
        var window = FeedWindow(floor: max(sorted.floor, old.map(\.position.seq).max() ?? 0))
        for record in sorted.records where record.position.epoch == epoch { _ = window.append(record) }
        return window
    }
}
