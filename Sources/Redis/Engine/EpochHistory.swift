/// The epochs that an engine has gone through, as ranges of numbers. The newest has no end.
struct EpochHistory: Equatable, Sendable {
    /// The first number of the newest epoch.
    let first: UInt64
    /// Empty ranges are epochs without a record.
    let earlier: [Range<UInt64>]

    /// - Parameter text: ranges such as `1-17,2097152-2097160`; one without a record ends right before it begins.
    init?(first: UInt64, earlier text: String) {
        var ranges: [Range<UInt64>] = []
        for part in text.split(separator: ",") {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false)
            guard ends.count == 2, let start = UInt64(ends[0]), let end = UInt64(ends[1]), start > 0,
                end < 1 << 53, end >= start - 1
            else { return nil }
            ranges.append(start..<(end + 1))
        }
        guard (1...(1 << 53)).contains(first) else { return nil }
        self.first = first
        earlier = ranges
    }

    /// Returns the last number of the earlier epoch that has a record of this number, or that begins right after it.
    func end(ofEpochWith seq: UInt64) -> UInt64? {
        earlier.first { $0.contains(seq) || seq == $0.lowerBound - 1 }.map { $0.upperBound - 1 }
    }
}
