package import Journal

/// Finds the epoch with which a journal continues after a repair that lost records: clients and followers may know the
/// positions of records that are lost, and no position may come twice.
package struct SalvagedEpochs {
    /// So many of the lost records count as epochs of which no record is left.
    private static let unknownCountMax: UInt64 = 16

    private var epochs = LedgerEpochs()
    private var assembly = SessionEntryAssembly()
    private let marks: [HighWaterMark]

    /// - Parameter marks: what was known of the journal in other places.
    package init(marks: [HighWaterMark]) { self.marks = marks }

    /// Notes a record that was kept; to be called in the order of the files.
    package mutating func note(_ record: JournalRecord) {
        guard case .epochBegan(let epoch, let offset)? = RevocationCodec.event(record, &assembly) else { return }
        epochs.begin(epoch, at: record.seq, offset: offset)
    }

    /// Returns the record that begins the next epoch, and its position.
    ///
    /// - Parameters:
    ///   - number: the store's number of the new record.
    ///   - lostCount: how many records may be lost.
    package func next(at number: UInt64, lostCount: UInt64) -> (record: JournalRecord, position: LedgerPosition) {
        let unknown = 1 &+ min(lostCount, Self.unknownCountMax)
        let known = marks.map { $0.seq &+ $0.offset }.reduce(number &+ epochs.offset, max)
        let epoch = marks.map(\.epoch).reduce(epochs.epoch, max) &+ UInt32(unknown)
        let seq = LedgerEpochs.beginning(above: known &+ (unknown &- 1) &* LedgerEpochs.stride &* 2)
        let record = RevocationCodec.record(.epochBegan(epoch: epoch, offset: seq &- number))
        return (record, LedgerPosition(epoch: epoch, seq: seq))
    }
}
