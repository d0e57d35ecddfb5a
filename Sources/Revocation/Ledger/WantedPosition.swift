/// The position that an answer must include: with its epoch, or the number alone.
package struct WantedPosition: Equatable, Sendable {
    /// Nil where only a number was given. Numbers of all epochs are in one order.
    package let epoch: UInt32?
    package let seq: UInt64

    package init(epoch: UInt32? = nil, seq: UInt64) {
        self.epoch = epoch
        self.seq = seq
    }

    /// Returns nil for anything but the text of a ``LedgerPosition`` and a decimal number without leading zeros.
    package init?(text: String) {
        if let position = LedgerPosition(text: text) {
            self.init(epoch: position.epoch, seq: position.seq)
        } else if let position = LedgerPosition(text: "1:" + text) {
            self.init(seq: position.seq)
        } else {
            return nil
        }
    }
}

/// Whether a process has everything up to a wanted position.
package enum PositionReach: Equatable, Sendable {
    case reached
    /// The record is not here, or not yet.
    case notReached
    /// The position is not in the history of this ledger: it may name a record that was lost.
    case unknown
}

extension RevocationStore {
    /// Calls `done` at once or, if records of other writers may still arrive, within 250 ms. It may run on another thread.
    ///
    /// - Parameter byteCount: how much memory the request keeps while it waits.
    package func whenReached(
        _ wanted: WantedPosition, keeping byteCount: Int = 0, _ done: @escaping @Sendable (PositionReach) -> Void
    ) {
        guard mayArrive(wanted) else { return done(reach(wanted)) }
        waiters.wait(for: wanted.seq, keeping: byteCount) { done($0 ? .reached : .notReached) }
    }

    /// Whether everything up to `wanted` is not known here yet, and other writers may have recorded it.
    package func mayArrive(_ wanted: WantedPosition) -> Bool { isShared && reach(wanted) == .notReached }

    /// Returns whether everything up to `wanted` is known here.
    package func reach(_ wanted: WantedPosition) -> PositionReach {
        if let epoch = wanted.epoch, !ledger.knows(LedgerPosition(epoch: epoch, seq: wanted.seq)) { return .unknown }
        return wanted.seq <= sequence ? .reached : .notReached
    }
}
