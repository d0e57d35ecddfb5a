package import Journal

/// The result of opening the store.
package struct StartReport: Equatable, Sendable {
    /// Of the journal; all zero for another log.
    package let journal: JournalReport
    package let durationMilliseconds: Int64
    package let counts: RevocationCounts
}
