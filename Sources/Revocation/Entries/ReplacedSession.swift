package import Encoding
package import Platform

/// A session that a new one replaces: it ends when the new one is durable.
package struct ReplacedSession: Equatable, Sendable {
    package let sid: UUID
    /// The absolute end of the session or later.
    package let expiresAt: UnixMilliseconds

    package init(sid: UUID, expiresAt: UnixMilliseconds) {
        self.sid = sid
        self.expiresAt = expiresAt
    }

    var event: RevocationEvent {
        .sessionRevoked(sid: sid, expires: expiresAt, reason: RevocationReason.replaced.rawValue)
    }
}

extension RevocationIndex {
    /// Applies the end of a replaced session, which is durable.
    func end(_ session: ReplacedSession) {
        // First, so that no reader finds the session revoked and not replaced.
        replaced.insert(session.sid, at: session.sid.milliseconds, expires: session.expiresAt)
        sessions.insert(session.sid, at: session.sid.milliseconds, expires: session.expiresAt)
    }
}

extension RevocationStore {
    /// Whether a session was revoked because the same browser began another one.
    package func isReplaced(_ sid: UUID) -> Bool { index.replaced.contains(sid, at: sid.milliseconds) }
}
