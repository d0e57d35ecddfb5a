package import Journal
package import Platform
internal import Synchronization
internal import Tokens

/// What only the journal has; with another ledger there is nothing to compact and nothing to report.
extension RevocationStore {
    /// Compacts the journal if at least half of its records have expired or were superseded.
    ///
    /// It runs on the thread of the caller for as long as the disk takes; everything else continues meanwhile.
    ///
    /// - Parameter monotonic: milliseconds of the clock in the options.
    /// - Returns: nil if it is not worthwhile now.
    package func compactIfDue(
        now: UnixMilliseconds, monotonic: Int64, rule: CompactionRule = CompactionRule()
    ) throws(JournalError) -> CompactionReport? {
        let counts = index.counts
        let live =
            counts.revokedTokens + counts.revokedSessions + counts.rotatedSessions + counts.cuts
            + index.cuts.exemptCount + index.entries.recordCount
        // An operator who switched the list off expects that what it stored is removed.
        guard let files, index.entries.hasUnwanted || rule.isDue(files.extent, liveCount: UInt64(clamping: live)) else {
            return nil
        }
        return try compact(now: now, monotonic: monotonic)
    }

    /// Compacts like ``compactIfDue(now:monotonic:rule:)``, but unconditionally.
    package func compact(now: UnixMilliseconds, monotonic: Int64) throws(JournalError) -> CompactionReport {
        let proven = evidence.withLock { $0.observe(wall: now, monotonic: monotonic) }
        let horizon = proven.adding(milliseconds: -TokenLimits.standard.purgeMargin)
        sweepEntries(expiredAt: horizon)
        guard let report = try files?.compact(keeping: LiveRecords(index, horizon: horizon)) else {
            return CompactionReport()
        }
        index.entries.forgetUnwanted()
        return report
    }

    /// The number of records on disk, including obsolete ones.
    package var storedRecordCount: UInt64 { files?.extent.recordCount ?? 0 }

    /// Why the journal is impaired; nil if it is not.
    package var condition: JournalCondition? { journal?.condition }

    /// Why the journal accepts no records any more; nil if it does.
    package var fault: JournalError? { journal?.fault }

    /// The name of each journal condition and whether it currently applies, for callers that do not import Journal.
    package var conditions: [(name: String, holds: Bool)] {
        let present = condition
        return JournalCondition.allCases.map { ($0.rawValue, $0 == present) }
    }

    /// The counters of the journal since the start, for callers that do not import Journal.
    package var journalFigures: (commits: UInt64, records: UInt64, syncNanoseconds: UInt64, failures: UInt64) {
        let figures = journal?.statistics ?? JournalStatistics()
        return (figures.commitCount, figures.recordCount, figures.syncNanoseconds, figures.failureCount)
    }

    /// The high-water mark that a later start must find.
    package var highWaterMark: HighWaterMark? { journal?.highWaterMark }

    /// Begins another epoch of positions, because records may have been lost that clients or followers know of.
    ///
    /// - Parameter marks: what was known of the journal in other places.
    package func beginEpoch(above marks: [HighWaterMark], _ done: @escaping Completion) {
        guard let journal else { return done(.failure(.closed)) }
        journal.beginEpoch(above: marks) { done($0.map(\.position)) }
    }

    /// Writes a text for processes that find the journal locked.
    package func announce(_ text: String) { journal?.announce(text) }

    /// Does one turn of a journal that was opened with `pace: .stepped`.
    ///
    /// - Returns: false if there was nothing to do.
    package func step() -> Bool { journal?.step() ?? false }
}
