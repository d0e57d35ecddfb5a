package import Revocation

/// What happened between a node and its engine, for the log.
package enum StoreEvent: Equatable, Sendable {
    case connected(version: String, identity: String, position: LedgerPosition)
    /// The engine does not answer, or cannot record anything now.
    case away(reason: String)
    /// The engine rejects this node until an operator changes something.
    case rejected(reason: String, remedy: String)
    /// This node began an epoch: the engine may have lost records that it had acknowledged.
    case epochBegan(LedgerPosition, reason: String)
    /// The engine was told what it may lack.
    case told(records: Int, forks: Int)
    /// Everything that lives was read from the engine.
    case loaded(records: Int, position: LedgerPosition)
    /// The node stops following, because a record must not be skipped.
    case damaged(reason: String)
    /// Settings of the engine lose acknowledged records.
    case flaws([DurabilityFlaw], areAccepted: Bool)
    /// The clock of this node is ahead of that of the engine by more than a second, or behind it.
    case clockOffset(milliseconds: Int64)
    /// Revocations were recorded that the engine could not record before.
    case unsentSent(count: Int)
    case copyUnwritable(reason: String)
    case copyWritable
    /// Another node has other keys or other settings.
    case differs(node: String, what: String)
    case nameTaken(String)
}
