package import Journal
internal import Synchronization

/// Up to where a process has everything that its ledger recorded. Any thread may read it.
package final class LedgerHead: Sendable {
    /// The number of the last durable record by the counting of the store behind the ledger.
    private let durable: DurableSequence
    /// The difference between a position of this epoch and that number.
    private let offset: Atomic<UInt64>
    private let currentEpoch: Atomic<UInt32>

    /// - Parameters:
    ///   - durable: the object that the store itself advances.
    ///   - offset: what is added to its numbers.
    package init(_ durable: DurableSequence, epoch: UInt32, offset: UInt64) {
        self.durable = durable
        self.offset = Atomic(offset)
        currentEpoch = Atomic(epoch)
    }

    /// For a ledger whose store counts as positions do.
    package convenience init(_ position: LedgerPosition) {
        self.init(DurableSequence(position.seq), epoch: position.epoch, offset: 0)
    }

    /// The number of the position.
    package var seq: UInt64 { durable.value &+ offset.load(ordering: .acquiring) }

    package var position: LedgerPosition { LedgerPosition(epoch: epoch, seq: seq) }

    /// Returns the position of a new record by its number in the store.
    func position(of number: UInt64) -> LedgerPosition {
        LedgerPosition(epoch: epoch, seq: number &+ offset.load(ordering: .acquiring))
    }

    package var epoch: UInt32 { currentEpoch.load(ordering: .acquiring) }

    /// Advances a head that counts as positions do. One thread calls it.
    package func advance(to position: LedgerPosition) {
        currentEpoch.store(position.epoch, ordering: .releasing)
        durable.advance(to: position.seq &- offset.load(ordering: .acquiring))
    }

    /// Begins a new epoch of the same store.
    func begin(epoch: UInt32, offset new: UInt64) {
        currentEpoch.store(epoch, ordering: .releasing)
        offset.store(new, ordering: .releasing)
    }
}
