package import Encoding
package import Journal
package import Platform

/// A presented refresh token whose MAC, type and expiry have been validated.
package struct RotationRequest: Sendable {
    package let sid: UUID
    package let generation: UInt32
    /// The claim `bsq` of the token; nil without one.
    package var birth: UInt64?
    /// The hash of the requested scope and audience.
    package let request: UInt32
    /// The absolute end of the session.
    package let sessionEnd: UnixMilliseconds
    /// How long after its rotation the newest token gets the response of that rotation again, in milliseconds; at most the
    /// grace period. 0 rotates each time that it is presented.
    ///
    /// The tabs of a browser share cookies: a tab may send the successor while the requests of others still carry its
    /// parent. A second rotation would make those a reuse, and end the session of an honest user.
    package let repeatTime: Int64

    package init(
        sid: UUID, generation: UInt32, request: UInt32, sessionEnd: UnixMilliseconds, repeatTime: Int64 = 0
    ) {
        self.repeatTime = repeatTime
        self.sid = sid
        self.generation = generation
        self.request = request
        self.sessionEnd = sessionEnd
    }
}

/// The outcome of presenting a refresh token. Times are milliseconds since 1970; every seq is durable.
package enum RotationOutcome: Equatable, Sendable {
    case rotated(generation: UInt32, at: UnixMilliseconds, seq: UInt64)
    /// The same generation and time as in the first response; seq is at or above the first one.
    case replayed(generation: UInt32, at: UnixMilliseconds, seq: UInt64)
    /// The revocation of the session is durable.
    case reused(seq: UInt64)
    /// Another scope or audience within the grace period; nothing changed.
    case mismatched
    /// The generation of the token is above every recorded one: the journal has been rolled back.
    case ahead(known: UInt32)
    case denied(Denial)
    /// Nothing was rotated. A revocation that failed to become durable still applies in memory.
    case unavailable(JournalError)
}
