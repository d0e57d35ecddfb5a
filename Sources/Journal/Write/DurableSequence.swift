internal import Synchronization

/// The last sequence number up to which everything is on stable storage.
package final class DurableSequence: Sendable {
    private let last: Atomic<UInt64>

    package init(_ value: UInt64) {
        last = Atomic(value)
    }

    package var value: UInt64 { last.load(ordering: .acquiring) }

    /// Called by the one thread that writes.
    package func advance(to value: UInt64) { last.store(value, ordering: .releasing) }
}
