internal import Platform
internal import Synchronization

extension JournalWriter {
    /// Reads the records of the files while the journal is being written. No compaction runs meanwhile.
    ///
    /// It reads every file, also those of which the caller needs nothing.
    ///
    /// - Parameters:
    ///   - last: the number of the last record to read, at most ``durableSeq``.
    ///   - begin: receives the number up to which a compaction has replaced the records; 0 if there was none.
    ///   - batch: receives the records in order, perhaps with some above `last`. Those of a revoke-before time come last
    ///     among the ones that a compaction has replaced.
    /// - Throws: `.closed` if the journal is being closed.
    package func read(
        upTo last: UInt64, begin: (UInt64) -> Void, batch: ([JournalRecord]) -> Void
    ) throws(JournalError) {
        try compacting.withLock { _ throws(JournalError) in
            let chain = try SegmentChain(storage, kinds)
            let first = chain.segments.last?.header.firstSeq ?? 0
            let covered = chain.snapshot?.header.lastSeq ?? 0
            begin(covered)
            var reader = ChainReader(
                chain, segmentCount: chain.segments.count, tailCount: last >= first ? last &- first &+ 1 : 0,
                chunkByteCount: ReadSize.besideCommits, in: storage)
            var records: [JournalRecord] = []
            while try reader.next(into: &records, upTo: ReadSize.recordCountMax) {
                if core.queue.withLock({ $0.isClosing }) { throw .closed }
                batch(records)
                if reader.lastSeq > max(last, covered) { return }
                records.removeAll(keepingCapacity: true)
            }
        }
    }
}
