internal import Journal

extension RevocationStore {
    /// The time that grace periods use: milliseconds since 1970, never decreasing.
    package var now: Int64 { journal.now }

    /// Does one turn of a journal that was opened with `pace: .stepped`.
    ///
    /// - Returns: false if there was nothing to do.
    package func step() -> Bool { journal.step() }
}
