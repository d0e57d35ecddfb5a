package import Octets
package import Revocation
import Telemetry
import Token

/// How much a logout ends.
package enum LogoutReach: String, CaseIterable, Sendable {
    /// This session.
    case local
    /// The subject's other sessions.
    case others
    /// All of the subject's sessions.
    case global
}

/// The session that a logout speaks for.
package struct LogoutSession: Equatable, Sendable {
    package let sid: UUID
    package let subject: String
    /// When the session ends by itself, in milliseconds since 1970; `nil` when the token does not say.
    let sessionEnd: Int64?
}

package enum LogoutFailure: Error, Sendable {
    case access(VerifyFailure)
    case refresh(RefreshFailure)
    /// The two tokens sent belong to different sessions, or the access token has none.
    case sessionUnclear
}

extension Desk {
    package func session(ofAccess token: Span<UInt8>, at now: Int64) throws(LogoutFailure) -> LogoutSession {
        let claims: VerifiedClaims
        do throws(VerifyFailure) {
            claims = try verify(token, VerifyExpectations(), at: now)
        } catch {
            throw .access(error)
        }
        guard let sid = claims.sid else { throw .sessionUnclear }
        let subject = String(decoding: payload[claims.subject], as: UTF8.self)
        return LogoutSession(sid: sid, subject: subject, sessionEnd: nil)
    }

    /// A spent refresh token may still end its session, and one whose session is over may do so again: that only ever takes
    /// away. Other sessions are out of its reach by then, or a stolen token would outlive the session it came from.
    package func session(
        ofRefresh token: Span<UInt8>, for reach: LogoutReach, at now: Int64
    ) throws(LogoutFailure) -> LogoutSession {
        do throws(RefreshFailure) {
            let claims = try verifyRefresh(token, at: now)
            guard standingUser(of: claims) != nil else { throw RefreshFailure.accountEnded }
            if reach != .local, let denial = denial(of: claims) { throw RefreshFailure.revoked(denial) }
            return LogoutSession(sid: claims.sid, subject: claims.subject, sessionEnd: claims.sessionEnd &* 1_000)
        } catch {
            throw .refresh(error)
        }
    }

    /// - Parameter done: runs once, when what was asked is durable or could not be made so.
    package func logout(
        _ session: LogoutSession, _ reach: LogoutReach,
        done: @escaping @Sendable (Result<UInt64, RevocationFault>) -> Void
    ) {
        switch reach {
        case .local:
            realm.counters.revocations.add(.session)
            realm.revocations.revokeSession(
                session.sid, expiresAt: session.sessionEnd ?? realm.latestEnd(of: session.sid),
                reason: RevocationReason.logout.rawValue, done)
        case .others:
            realm.counters.revocations.add(.others)
            realm.revocations.cut(
                .subject, name: Array(session.subject.utf8), reason: RevocationReason.logout.rawValue,
                sparing: session.sid, done)
        case .global:
            realm.counters.revocations.add(.subject)
            realm.revocations.cut(
                .subject, name: Array(session.subject.utf8), reason: RevocationReason.logout.rawValue, sparing: nil,
                done)
        }
    }
}

extension Realm {
    /// The latest moment at which any token of a session can still be alive, in milliseconds since 1970.
    func latestEnd(of sid: UUID) -> Int64 {
        // An access token from before the limit was shortened may outlive it by its own lifetime, an hour at most.
        max(sid.milliseconds &+ settings.sessionMax &* 1_000, clock.now &+ 3_600_000) &+ settings.leeway &* 1_000
    }
}
