/// What a server does with the records of another one that it follows. They are a union: applying one again changes
/// nothing, and nothing is ever removed by them.
extension RevocationStore {
    /// Applies records, in any order.
    package func add(_ records: [FeedRecord]) {
        var gathered = RevocationIndex.Gathered()
        for record in records { index.gather(record.event, at: record.stamp, into: &gathered) }
        index.take(&gathered)
    }

    /// Applies the next records.
    ///
    /// - Parameter position: everything up to here is known once the records are applied.
    package func follow(_ records: [FeedRecord], upTo position: LedgerPosition) {
        add(records)
        feed?.records(
            records.map { LedgerRecord(position: $0.position, time: $0.time, event: $0.event) }, head: position)
        ledger.head.advance(to: position)
    }

    /// Continues at a position whose records were added in no order.
    package func restart(at position: LedgerPosition) {
        if let feed, feed.head != position { feed.reset(position) }
        ledger.head.advance(to: position)
    }
}

extension FeedRecord {
    package var stamp: LedgerStamp { LedgerStamp(position, time: time) }
}
