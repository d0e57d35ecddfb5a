package import Journal
package import Platform

/// Where revocations and rotations become durable. Another log implements this protocol and ``RevocationLogSource``.
///
/// Every completion runs once, without a lock, and must return quickly. It may append.
package protocol RevocationLog: Sendable {
    typealias Completion = @Sendable (Result<LogPosition, RevocationError>) -> Void

    /// How far the log is durable. Responses read this object directly, not through the protocol.
    var durable: DurableSequence { get }
    /// Milliseconds since 1970, never decreasing, not even across restarts.
    var now: UnixMilliseconds { get }
    /// Whether it accepts anything.
    var isWritable: Bool { get }
    /// Whether it accepts every event, not only revocations.
    var takesEverything: Bool { get }

    /// Records the events next to each other and in order.
    ///
    /// - Parameter done: receives the position of the last, when all are durable.
    func append(_ events: [RevocationEvent], _ done: @escaping Completion)

    /// Records a rotation if the session is at the expected generation. The log compares: of several writers that
    /// expect the same generation, one succeeds.
    ///
    /// A log with one writer may compare with the index that it was opened with. So the caller applies a committed
    /// rotation to that index before `done` returns.
    ///
    /// - Parameter generation: that of the presented token; the next one is recorded.
    func commitRotation(
        _ request: RotationRequest, expecting generation: UInt32, _ done: @escaping @Sendable (RotationCommit) -> Void)

    /// Makes everything durable that was accepted, and accepts nothing more. Later calls do nothing.
    func close()
}

/// A log that is not open yet.
package protocol RevocationLogSource: Sendable {
    /// Passes all events to `replay` in order, calls its `finish(lastTime:)`, records the note that this returns, and
    /// accepts events from then on.
    func open(_ replay: RevocationReplay) throws(RevocationError) -> any RevocationLog
}
