/// The epochs of a ledger whose store has one numbering for all of them.
package struct LedgerEpochs: Equatable, Sendable {
    /// The distance that epochs keep from each other: a new one begins at the second multiple above everything known.
    static let stride: UInt64 = 1 << 20

    private struct Start: Equatable, Sendable {
        let epoch: UInt32
        /// The store's number of its first record.
        let first: UInt64
        let offset: UInt64
        /// The store's number of the last record before it, where numbers are left out between the two.
        var lastBefore: UInt64? = nil
    }

    private var starts = [Start(epoch: 1, first: 0, offset: 0)]
    private var newest = Start(epoch: 1, first: 0, offset: 0)

    /// The first epoch, in which positions and numbers of the store are the same.
    package init() {}

    package var epoch: UInt32 { newest.epoch }
    package var offset: UInt64 { newest.offset }

    /// Adds an epoch. One that is not above the last counts as damage that changes nothing.
    ///
    /// - Parameter last: the number of the last record before it; nil if no number is left out.
    package mutating func begin(_ epoch: UInt32, at number: UInt64, offset: UInt64, after last: UInt64? = nil) {
        guard epoch > newest.epoch, number > newest.first, offset >= newest.offset else { return }
        newest = Start(epoch: epoch, first: number, offset: offset, lastBefore: last)
        starts.append(newest)
    }

    /// Returns the position of a record by its number in the store.
    package func position(of number: UInt64) -> LedgerPosition {
        if number >= newest.first { return LedgerPosition(epoch: newest.epoch, seq: number &+ newest.offset) }
        let start = starts.last { $0.first <= number } ?? starts[0]
        return LedgerPosition(epoch: start.epoch, seq: number &+ start.offset)
    }

    /// Returns the store's number of a position.
    ///
    /// - Returns: nil for a position that is not in this history: of an unknown epoch, or beyond the end of one.
    package func number(of position: LedgerPosition) -> UInt64? {
        guard let index = starts.firstIndex(where: { $0.epoch == position.epoch }) else { return nil }
        let start = starts[index]
        let (number, isBelow) = position.seq.subtractingReportingOverflow(start.offset)
        // Position 0 is before the first record.
        guard !isBelow, number >= start.first || start.epoch == 1 else { return nil }
        if index + 1 < starts.count {
            let next = starts[index + 1]
            if number >= next.first || next.lastBefore.map({ number > $0 }) ?? false { return nil }
        }
        return number
    }

    /// Returns the seq with which a new epoch begins above everything up to `seq`.
    package static func beginning(above seq: UInt64) -> UInt64 { (seq / stride &+ 2) &* stride }
}
