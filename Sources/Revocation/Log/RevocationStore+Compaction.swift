package import Journal
internal import Synchronization
internal import Tokens

/// Decides when a compaction of the journal is worthwhile.
package struct CompactionRule: Sendable {
    /// The minimum number of records on disk, 8 MiB in all; below it, compaction gains nothing.
    package var recordCountMin: UInt64 = 131_072
    /// The number of segments that is too high regardless of their content; each start begins one.
    package var segmentCountMax: UInt64 = 64

    package init() {}

    /// Returns whether a compaction is worthwhile.
    ///
    /// - Parameter livingCount: the estimated number of records that would be kept.
    func isDue(_ extent: JournalExtent, livingCount: UInt64) -> Bool {
        if extent.segmentCount > segmentCountMax { return true }
        return extent.recordCount >= recordCountMin && livingCount <= extent.recordCount / 2
    }
}

extension RevocationStore {
    /// Compacts the journal if at least half of its records have expired or were superseded.
    ///
    /// It runs on the thread of the caller for as long as the disk takes; everything else continues meanwhile.
    ///
    /// - Parameter monotonic: milliseconds of the clock in the options.
    /// - Returns: nil if it is not worthwhile now.
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

    /// Compacts like ``compactIfDue(now:monotonic:rule:)``, but unconditionally.
    package func compact(now: Int64, monotonic: Int64) throws(JournalError) -> CompactionReport {
        let horizon = evidence.withLock { $0.observe(wall: now, monotonic: monotonic) } &- TokenLimits.standard.purgeMargin
        return try journal.compact(LiveRecords(rotations: memory.rotations, key: memory.key, horizon: horizon))
    }

    /// The number of records on disk, including obsolete ones.
    package var storedRecordCount: UInt64 { journal.extent.recordCount }
}
