package import Platform

/// Where revocations and rotations become durable, in one order over all processes that write it. Another ledger
/// implements this protocol and ``LedgerSource``.
///
/// A ledger only compares and sets. What a repeated or an old refresh token means, ``RotationMachine`` decides.
///
/// Every completion runs once, without a lock, and must return quickly. It may append.
package protocol Ledger: AnyObject, Sendable {
    typealias Completion = @Sendable (Result<LedgerStamp, RevocationError>) -> Void

    /// How far this process has everything. Responses read this object directly, not through the protocol.
    var head: LedgerHead { get }
    /// Milliseconds since 1970 by the clock of the ledger, never decreasing, not even across restarts.
    var now: UnixMilliseconds { get }
    /// Whether it accepts anything.
    var isWritable: Bool { get }
    /// Whether it accepts every event, not only revocations.
    var takesEverything: Bool { get }

    /// Whether a position can belong to the history of this ledger: one of the current epoch, or of an earlier one before
    /// its end.
    func knows(_ position: LedgerPosition) -> Bool

    /// Whether other processes record revocations too. Then ids, which processes draw by their own clocks, do not show
    /// whether a session began before a revoke-before time; its birth does.
    var isShared: Bool { get }

    /// Whether it keeps the revocations that it could not record, also across a restart, and records them when it can.
    var keepsFailedRevocations: Bool { get }

    /// Whether it may lack rotations for a moment that clients have tokens of, because an epoch has just begun and other
    /// processes have not sent what they know.
    var mayLackRotations: Bool { get }

    /// Records the events next to each other and in order. A revocation may be recorded twice and in any order: it is
    /// a union, and of revoke-before times the highest counts.
    ///
    /// - Parameter done: receives the position of the last, when all are durable.
    func append(_ events: [RevocationEvent], _ done: @escaping Completion)

    /// Compares and sets: a session at generation g goes to g + 1, if it was not revoked and no revoke-before time of
    /// its subject, its client or everything ends it. All this is one step: of several processes that expect the same
    /// generation, one succeeds, and no session goes on that another process was told has ended.
    ///
    /// A ledger with one writer may compare with the index that it was opened with. So the caller applies the new
    /// generation to that index before `done` returns.
    func advance(_ request: Advance, _ done: @escaping @Sendable (Result<AdvanceVerdict, RevocationError>) -> Void)

    /// Passes what is live now, or what follows `position`, and then every record in order to `sink` until the ledger
    /// is closed, those of this process included. One thread at a time calls the sink.
    ///
    /// A record is passed before `done` of its append runs and before ``head`` includes it.
    ///
    /// - Parameter position: up to where the sink has everything; nil for nothing.
    func follow(from position: LedgerPosition?, into sink: any LedgerSink)

    /// Makes everything durable that was accepted, and accepts nothing more. Later calls do nothing.
    func close()
}

extension Ledger {
    package var keepsFailedRevocations: Bool { false }
    package var mayLackRotations: Bool { false }
}

/// A ledger that is not open yet.
package protocol LedgerSource: Sendable {
    /// Passes all events to `replay` in order, calls its `finish(lastTime:)`, records the note that this returns, and
    /// accepts events from then on.
    func open(_ replay: RevocationReplay) throws(RevocationError) -> any Ledger
}
