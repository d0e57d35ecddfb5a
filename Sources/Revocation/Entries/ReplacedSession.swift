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
