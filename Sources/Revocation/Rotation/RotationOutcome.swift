package import Encoding
package import Journal

/// A refresh token that was presented: its MAC, type and ends were checked.
package struct RotationRequest: Sendable {
    package let sid: UUID
    package let generation: UInt32
    /// Hash of the scope and audience asked for.
    package let request: UInt32
    /// Absolute end of the session, in milliseconds since 1970.
    package let sessionEnd: Int64

    package init(sid: UUID, generation: UInt32, request: UInt32, sessionEnd: Int64) {
        self.sid = sid
        self.generation = generation
        self.request = request
        self.sessionEnd = sessionEnd
    }
}

/// What became of a presented refresh token. Times are milliseconds since 1970; every seq is durable.
package enum RotationOutcome: Equatable, Sendable {
    case rotated(generation: UInt32, at: Int64, seq: UInt64)
    /// The same generation and time as the first answer; seq is at or above the first one.
    case replayed(generation: UInt32, at: Int64, seq: UInt64)
    /// The session's revocation is durable.
    case reused(seq: UInt64)
    /// Another scope or audience within the grace time: nothing changed.
    case mismatched
    /// The token's generation is above all we know: the journal was rolled back.
    case ahead(known: UInt32)
    case denied(Denial)
    /// Nothing was rotated. A revocation that failed to become durable still counts in memory.
    case unavailable(JournalError)
}
