internal import Encoding
import Platform

extension RevocationIndex {
    /// For how long a request that the browser sent before may still be on its way, in milliseconds.
    private static let latenessMax: Int64 = 3_600_000

    /// Applies the end of a replaced session, which is durable.
    ///
    /// - Parameter time: when it was recorded. Some time after that, the session counts as revoked only.
    func end(_ session: ReplacedSession, at time: UnixMilliseconds) {
        let forgotten = min(session.expiresAt, time.adding(milliseconds: Self.latenessMax))
        // First, so that no reader finds the session revoked and not replaced.
        replaced.insert(session.sid, at: session.sid.milliseconds, expires: forgotten)
        sessions.insert(session.sid, at: session.sid.milliseconds, expires: session.expiresAt)
    }
}
