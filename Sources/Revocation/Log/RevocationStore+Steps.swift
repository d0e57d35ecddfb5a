internal import Journal

extension RevocationStore {
    /// The time by which graces are measured: milliseconds since 1970, never going backwards.
    package var now: Int64 { journal.now }

    /// Makes one turn of a journal that is opened with `pace: .stepped`.
    /// - Returns: false if there was nothing to do.
    package func step() -> Bool { journal.step() }
}
