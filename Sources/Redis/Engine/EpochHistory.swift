/// The epochs that an engine has gone through, as ranges of numbers. The newest has no end.
struct EpochHistory: Equatable, Sendable {
    /// The first number of the newest epoch.
    let first: UInt64
    let earlier: [ClosedRange<UInt64>]

    /// - Parameter earlier: ranges such as `1-17,2097152-2097160`.
    init?(first: UInt64, earlier text: String) {
        var ranges: [ClosedRange<UInt64>] = []
        for part in text.split(separator: ",") {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false)
            guard ends.count == 2, let start = UInt64(ends[0]), let end = UInt64(ends[1]) else { return nil }
            // An epoch without a record ends right before it begins.
            if start <= end { ranges.append(start...end) }
        }
        self.first = first
        earlier = ranges
    }

    /// Whether the engine has the record of this number, as far as the epochs say.
    func contains(_ seq: UInt64) -> Bool { seq >= first || earlier.contains { $0.contains(seq) } }

    /// Returns the first number of the epoch after that of `seq`; the greatest number for the newest epoch.
    func following(_ seq: UInt64) -> UInt64 {
        if seq >= first { return 1 << 53 }
        return earlier.map(\.lowerBound).filter { $0 > seq }.min() ?? first
    }
}
