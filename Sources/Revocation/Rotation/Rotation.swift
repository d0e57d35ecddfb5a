package import Platform

/// The last durable rotation of a session.
package struct Rotation: Equatable, Sendable {
    /// The latest generation issued, from 1.
    package let generation: UInt32
    /// The hash of the requested scope and audience.
    package let request: UInt32
    /// On the clock of the log.
    package let at: UnixMilliseconds

    package init(generation: UInt32, request: UInt32, at: UnixMilliseconds) {
        self.generation = generation
        self.request = request
        self.at = at
    }
}

/// The state of the refresh tokens of one session. It maps events to actions and has no side effects.
///
/// A session that never rotated is at generation 0 without a settled rotation.
struct RotationMachine: Equatable, Sendable {
    /// What to do with a presented refresh token.
    enum Action: Equatable, Sendable {
        /// Write a record of this next generation, then respond with it.
        case commit(generation: UInt32)
        /// The same rotation is being written for another request: wait, and return the same response.
        case join
        /// Return the first response again.
        case replay(Rotation)
        /// Used twice with different parameters within the grace period: reject, change nothing.
        case mismatch
        /// Reused after the grace period: revoke the session (RFC 9700 §4.14.2).
        case reuse
        /// Newer than any generation that the log has recorded: the log is older than the token.
        case ahead(known: UInt32)
    }

    private(set) var settled: Rotation?
    /// The request for which the next generation is being written.
    private(set) var pendingRequest: UInt32?

    init(settled: Rotation?, pendingRequest: UInt32? = nil) {
        self.settled = settled
        self.pendingRequest = pendingRequest
    }

    /// Decides about a validly signed refresh token.
    ///
    /// - Parameters:
    ///   - grace: how long a response can be requested again, in milliseconds.
    ///   - repeatTime: how long the newest token gets the response again that it came with, at most `grace`.
    mutating func present(
        generation: UInt32, request: UInt32, now: UnixMilliseconds, grace: Int64, repeatTime: Int64 = 0
    ) -> Action {
        let known = settled?.generation ?? 0
        if generation > known { return .ahead(known: known) }
        if generation == known {
            if let pendingRequest { return pendingRequest == request ? .join : .mismatch }
            if let settled, settled.request == request,
                (0..<min(grace, repeatTime)).contains(now.milliseconds(since: settled.at))
            {
                return .replay(settled)
            }
            guard known < .max else { return .reuse }
            pendingRequest = request
            return .commit(generation: known + 1)
        }
        // Only the parent of an unused successor may be repeated; a use in progress counts as a use.
        // Without a grace time, not even within the millisecond of the rotation.
        guard let settled, pendingRequest == nil, generation + 1 == known, grace > 0,
            now.milliseconds(since: settled.at) <= grace
        else {
            return .reuse
        }
        return settled.request == request ? .replay(settled) : .mismatch
    }

    /// Records that a generation is durable.
    ///
    /// - Parameter generation: as in the record. What was settled before may be forgotten by now: if the clock is set ahead,
    ///   the session can end while its rotation is being written.
    mutating func committed(_ generation: UInt32, at time: UnixMilliseconds) {
        guard let request = pendingRequest else { return }
        settled = Rotation(generation: generation, request: request, at: time)
        pendingRequest = nil
    }

    /// Records that the log is at another generation, because another writer was first.
    ///
    /// - Returns: what to do with the token now; `commit` if the log contradicts itself.
    mutating func conflicted(
        with current: Rotation?, generation: UInt32, request: UInt32, now: UnixMilliseconds, grace: Int64
    ) -> Action {
        settled = current
        pendingRequest = nil
        var copy = self
        return copy.present(generation: generation, request: request, now: now, grace: grace)
    }

    /// Records that the next generation could not be written; no response was sent, and nothing has changed.
    mutating func failed() {
        pendingRequest = nil
    }
}
