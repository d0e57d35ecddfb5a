/// Why an engine did not answer as asked. Reasons never contain a password, a token or session data.
package enum StoreFault: Error, Equatable, Sendable {
    /// There is no connection, and nothing was sent.
    case unreachable(reason: String)
    /// The connection ended, or no answer came in time, after something was sent: whether it happened is unknown.
    case lost(reason: String)
    /// The engine answered that it cannot do this now; nothing happened.
    case busy(reason: String)
    /// The server is not the primary any more; nothing happened.
    case notPrimary(reason: String)
    /// The engine rejects this node until an operator changes something: a password, a right, a missing or newer schema.
    case rejected(reason: String, remedy: String)
    /// An answer that is malformed, too large, or for another question. The connection must be closed.
    case malformed(reason: String)
    /// Records that are damaged, of an unknown kind, out of order or with a gap: they must not be skipped.
    case damaged(reason: String)
    /// The engine is in another epoch; its head, nil if it has nothing of ours.
    case epoch(EngineHead?)
    /// The log no longer goes back to the position.
    case gone
    case closed
}
