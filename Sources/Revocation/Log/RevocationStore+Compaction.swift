package import Journal
internal import Synchronization

/// When writing the journal again is worth it.
package struct CompactionRule: Sendable {
    /// Records on disk, 8 MiB of them, below which nothing is gained.
    package var recordCountMin: UInt64 = 131_072
    /// So many segments are too many files, however little they hold: each start begins one.
    package var segmentCountMax: UInt64 = 64

    package init() {}

    /// - Parameter livingCount: records that would be kept, estimated.
    func isDue(_ extent: JournalExtent, livingCount: UInt64) -> Bool {
        if extent.segmentCount > segmentCountMax { return true }
        return extent.recordCount >= recordCountMin && livingCount <= extent.recordCount / 2
    }
}

extension RevocationStore {
    /// Writes the journal again without what has expired or was overtaken, if at least half of it has.
    ///
    /// Runs on the caller's thread for as long as the disk takes; everything else goes on meanwhile.
    /// - Parameter monotonic: milliseconds of the clock that the options named.
    /// - Returns: nil if it is not worth it now.
    package func compactIfDue(
        now: Int64, monotonic: Int64, rule: CompactionRule = CompactionRule()
    ) throws(JournalError) -> CompactionReport? {
        let counts = memory.counts
        let living =
            counts.revokedTokens + counts.revokedSessions + counts.rotatedSessions + counts.cuts
            + memory.cuts.sparedCount
        guard rule.isDue(journal.extent, livingCount: UInt64(clamping: living)) else { return nil }
        return try compact(now: now, monotonic: monotonic)
    }

    /// As ``compactIfDue(now:monotonic:rule:)``, worth it or not.
    package func compact(now: Int64, monotonic: Int64) throws(JournalError) -> CompactionReport {
        let horizon = evidence.withLock { $0.observe(wall: now, monotonic: monotonic) } &- Self.leewayMax
        return try journal.compact(LiveRecords(rotations: memory.rotations, key: memory.key, horizon: horizon))
    }

    /// Records on disk, those that no longer matter included.
    package var storedRecordCount: UInt64 { journal.extent.recordCount }
}
