package import Encoding
package import Platform

/// A change that the log makes durable. Times are milliseconds since 1970.
package enum RevocationEvent: Equatable, Sendable {
    /// A token was revoked. `expires` is its `exp`, or with `isOfAnyEnd`, until when the revocation is kept: it then
    /// applies whatever the token's own `exp` is.
    case tokenRevoked(jti: UUID, expires: UnixMilliseconds, isOfAnyEnd: Bool, reason: UInt16)
    /// A session was revoked; `expires` is its absolute end or later.
    case sessionRevoked(sid: UUID, expires: UnixMilliseconds, reason: UInt16)
    /// A refresh token was used: the session is at `generation` now.
    case rotated(sid: UUID, generation: UInt32, request: UInt32, sessionEnd: UnixMilliseconds)
    /// A revoke-before time was set. `key` is derived from the name by ``RevokeBeforeTable``.
    ///
    /// If `exemptsOne`, the event before it names the session that survives, and it must not be applied without that
    /// event.
    case revokedBefore(RevokeBefore, RevokeBeforeKind, key: UUID, exemptsOne: Bool, reason: UInt16)
    /// A session survives this revoke-before time and earlier ones of its kind.
    case exempted(sid: UUID, RevokeBefore, RevokeBeforeKind, reason: UInt16)
    /// A session began.
    case sessionOpened(sid: UUID)
    /// A session began, and its user can see it in a list.
    case sessionListed(SessionEntry)
    /// The session whose event is before this one ended another session of its subject, because there were too many. It
    /// must not be applied without that event.
    case sessionDisplaced(sid: UUID, expires: UnixMilliseconds)
    /// Another epoch began with this event, because records after an earlier one may have been lost. `offset` is the
    /// difference between positions of the epoch and the numbers of the store.
    case epochBegan(epoch: UInt32, offset: UInt64)
    /// A process began to write.
    case processStarted(LifetimeNote)

    /// Whether the event only removes access. Such events are accepted longest on a full disk, and may be applied
    /// although events before them were lost.
    ///
    /// A rotation whose response was never sent would make the retry of the client look like a replay.
    package var isRevocation: Bool {
        switch self {
        case .tokenRevoked, .sessionRevoked, .revokedBefore, .exempted: true
        case .rotated, .sessionOpened, .sessionListed, .sessionDisplaced, .epochBegan, .processStarted: false
        }
    }
}

/// What a process records about the lifetimes of sessions when it begins to write.
package struct LifetimeNote: Equatable, Sendable {
    /// The maximum lifetime of a session of this process, in hours; 0 if it is not known.
    package var hours: UInt16 = 0
    /// Until when older sessions may live that began under a greater limit, in milliseconds since 1970; 0 if none may.
    package var olderEnd: UnixMilliseconds = 0

    package init(hours: UInt16 = 0, olderEnd: UnixMilliseconds = 0) {
        self.hours = hours
        self.olderEnd = olderEnd
    }
}
