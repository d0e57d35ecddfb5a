/// What the writer has done since its start.
package struct JournalStatistics: Sendable {
    /// Writes, each with its sync.
    package var commitCount: UInt64 = 0
    package var recordCount: UInt64 = 0
    /// Writes or syncs that failed, those of vain attempts to recover included.
    package var failureCount: UInt64 = 0
    /// Records of the largest batch.
    package var batchCountMax = 0
    package var syncNanoseconds: UInt64 = 0
    package var syncNanosecondsMax: UInt64 = 0
    /// Commits by duration: bucket i counts those below 2^i µs and not below 2^(i-1); the last takes the rest.
    package private(set) var syncHistogram: InlineArray<24, UInt64> = .init(repeating: 0)

    package init() {}

    mutating func count(recordCount records: Int, nanoseconds: UInt64) {
        commitCount &+= 1
        recordCount &+= UInt64(records)
        batchCountMax = max(batchCountMax, records)
        syncNanoseconds &+= nanoseconds
        syncNanosecondsMax = max(syncNanosecondsMax, nanoseconds)
        let bucket = UInt64.bitWidth - (nanoseconds / 1_000).leadingZeroBitCount
        syncHistogram[min(bucket, syncHistogram.count - 1)] &+= 1
    }

}
