/// Receives the records of a ledger in order. One thread at a time calls it; each call must return quickly.
package protocol LedgerSink: AnyObject, Sendable {
    /// What was received before may have gaps. Everything that is live at `position` follows as records, in no certain
    /// order; then every record after `position` in order.
    func reset(_ position: LedgerPosition)
    /// The next records. After these, everything up to `head` was received.
    func records(_ batch: [LedgerRecord], head: LedgerPosition)
    /// Everything that the ledger has up to now was received.
    func caughtUp(_ head: LedgerPosition)
    /// The ledger cannot be read now. What was received remains valid.
    func away(_ fault: RevocationError)
    /// A new epoch began: records of the one before may have been lost.
    func epoch(_ epoch: UInt32)
}
