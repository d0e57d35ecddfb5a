package import Journal
package import Revocation

/// An engine that several nodes write: it puts their records into one order and makes them durable. Redis and PostgreSQL
/// implement this protocol.
///
/// An engine compares and sets; what a repeated refresh token means is decided above it. One thread uses an engine, and
/// each call returns by its deadline.
package protocol StoreEngine: AnyObject {
    /// Finds the primary and connects to it, after closing a connection that is open.
    func connect(by deadline: StoreDeadline) throws(StoreFault) -> EngineReport

    /// Does the steps in their order, in one round trip. Each is one step of the engine: it happens whole or not at all.
    ///
    /// - Parameter epoch: the epoch that the caller knows. An engine in another one does nothing and throws
    ///   ``StoreFault/epoch(_:)``.
    /// - Returns: one outcome for each step.
    func commit(
        _ steps: [StoreStep], epoch: UInt32, by deadline: StoreDeadline
    ) throws(StoreFault) -> [StepOutcome]

    /// Begins an epoch: compare and set. The next record has the number `seq`.
    ///
    /// - Parameters:
    ///   - expected: the head that was seen; if it is another one now, nothing happens and `epoch` is thrown.
    ///   - identity: of the primary, ``EngineReport/identity``.
    func begin(
        epoch: UInt32, at seq: UInt64, expecting expected: EngineHead?, identity: String, by deadline: StoreDeadline
    ) throws(StoreFault) -> EngineHead

    /// Passes everything that lives, in no certain order. What is recorded meanwhile may be among it or not.
    ///
    /// - Returns: the head before it began: everything up to there was passed, and later records may have been.
    func load(
        by deadline: StoreDeadline, _ take: (_ records: [JournalRecord]) -> Void
    ) throws(StoreFault) -> EngineHead

    /// Stores what other nodes may know of this one, and returns all nodes that reported within the last minute, this
    /// one included. A report under the name of a node that lives already, with another `instance`, is not stored.
    func exchange(_ own: NodeReport, by deadline: StoreDeadline) throws(StoreFault) -> EngineStatus

    /// Returns the same as ``exchange(_:by:)`` without storing anything, also from an engine that has nothing of ours.
    func status(by deadline: StoreDeadline) throws(StoreFault) -> EngineStatus

    /// Removes a piece of what has expired, and of the part of the log that is older than an hour or beyond a million
    /// records. Called every few minutes by all nodes, until nothing is left, with commits in between.
    ///
    /// - Returns: whether there is more.
    func maintain(by deadline: StoreDeadline) throws(StoreFault) -> Bool

    func disconnect()
}

extension StoreEngine {
    package func status(by deadline: StoreDeadline) throws(StoreFault) -> EngineStatus {
        throw .rejected(
            reason: "this engine cannot list the nodes without being one",
            remedy: "Ask a running node with martlet status.")
    }
}

/// Reads the log of an engine over a connection of its own. One thread uses it, another one than that of the
/// ``StoreEngine``.
package protocol StoreTail: AnyObject {
    /// Returns the head.
    func connect(by deadline: StoreDeadline) throws(StoreFault) -> EngineHead

    /// Returns the records after `position` in order and without a gap, at most 4,096; none if nothing has come within
    /// `wait` milliseconds, or if something has that the next question finds. Records that are durable on the primary
    /// only.
    ///
    /// Throws `gone` if the log no longer has the record after `position`, and `epoch` if the position is not in the
    /// history of the engine.
    func read(
        after position: LedgerPosition, wait: Int, by deadline: StoreDeadline
    ) throws(StoreFault) -> TailBatch

    func disconnect()
}

/// Makes the two halves of an engine from the settings.
package protocol StoreEngineSource: Sendable {
    /// The address without a password, for messages.
    var name: String { get }
    /// Whether the engine may lose what it acknowledged, so that the copy of a node must be durable before it answers.
    var mayForget: Bool { get }
    func engine() throws(StoreFault) -> any StoreEngine
    func tail() throws(StoreFault) -> any StoreTail
}
