internal import Journal

/// Decides when a compaction of the journal is worthwhile.
package struct CompactionRule: Sendable {
    /// The minimum number of records on disk, 8 MiB in all; below it, compaction gains nothing.
    package var recordCountMin: UInt64 = 131_072
    /// The number of segments that is too high regardless of their content; each start begins one.
    package var segmentCountMax: UInt64 = 64

    package init() {}

    /// Returns whether a compaction is worthwhile.
    ///
    /// - Parameter liveCount: the estimated number of records that would be kept.
    func isDue(_ extent: JournalExtent, liveCount: UInt64) -> Bool {
        if extent.segmentCount > segmentCountMax { return true }
        return extent.recordCount >= recordCountMin && liveCount <= extent.recordCount / 2
    }
}
