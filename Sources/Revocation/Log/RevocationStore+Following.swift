extension RevocationStore {
    /// Applies records of the ledger that this server follows. They are a union: applying one again changes nothing, and
    /// nothing is ever removed by them.
    ///
    /// - Parameter position: everything up to here is known once the records are applied.
    package func follow(_ records: [FeedRecord], upTo position: LedgerPosition) {
        var gathered = RevocationIndex.Gathered()
        for record in records { index.gather(record.event, at: record.stamp, into: &gathered) }
        index.take(&gathered)
        ledger.head.advance(to: position)
    }
}

extension FeedRecord {
    package var stamp: LedgerStamp { LedgerStamp(position, time: time) }
}
