/// The counters of the writer since its start.
package struct JournalStatistics: Sendable {
    /// The number of writes, each with its sync.
    package var commitCount: UInt64 = 0
    package var recordCount: UInt64 = 0
    /// The number of failed writes and syncs, including those of failed attempts to recover.
    package var failureCount: UInt64 = 0
    /// The number of records of the largest batch.
    package var batchCountMax = 0
    package var syncNanoseconds: UInt64 = 0
    package var syncNanosecondsMax: UInt64 = 0
    /// Commits by duration: bucket i counts those below 2^i µs and not below 2^(i-1); the last bucket counts the rest.
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
