package import Encoding
import Keys
package import Revocation
import Telemetry
import Tokens

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
    let clientID: String
    /// The key of the token that spoke for the session.
    let kid: String
    /// When the session ends by itself, in milliseconds since 1970; `nil` when the token does not say.
    let sessionEnd: Int64?
}

package enum LogoutFailure: Error, Sendable {
    case access(VerifyFailure)
    case refresh(RefreshFailure)
    /// The two tokens sent belong to different sessions, or the access token has none.
    case sessionUnclear
    /// An access token signed with a shared secret that this server did not issue.
    case notIssuedHere
    /// The session was ended while it was asking.
    case ended(Denial)
}

extension LoopContext {
    package func session(ofAccess token: Span<UInt8>, at now: Int64) throws(LogoutFailure) -> LogoutSession {
        let claims: VerifiedClaims
        do throws(VerifyFailure) {
            claims = try verify(token, VerifyExpectations(), at: now)
        } catch {
            throw .access(error)
        }
        guard let sid = claims.sid else { throw .sessionUnclear }
        guard mayRevoke(claims) else { throw .notIssuedHere }
        let (payload, owner) = (payload, claims.clientID ?? 0..<0)
        return LogoutSession(
            sid: sid, subject: String(decoding: payload[claims.subject], as: UTF8.self),
            clientID: String(decoding: payload[owner], as: UTF8.self), kid: keyring.keys[claims.keyIndex].kid,
            sessionEnd: nil)
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
            return LogoutSession(
                sid: claims.sid, subject: claims.subject, clientID: claims.clientID, kid: claims.kid,
                sessionEnd: claims.sessionEnd &* 1_000)
        } catch {
            throw .refresh(error)
        }
    }

    /// - Parameter done: runs once, when what was asked is durable or could not be made so, unless this throws.
    package func logout(
        _ session: LogoutSession, _ reach: LogoutReach,
        done: @escaping @Sendable (Result<UInt64, RevocationError>) -> Void
    ) throws(LogoutFailure) {
        switch reach {
        case .local:
            authState.counters.revocations.add(.session)
            authState.revocations.revokeSession(
                session.sid, expiresAt: session.sessionEnd ?? authState.latestEnd(of: session.sid),
                reason: RevocationReason.logout.rawValue, done)
        case .others:
            try cutSubject(of: session, isSpared: true, done)
            authState.counters.revocations.add(.others)
        case .global:
            try cutSubject(of: session, isSpared: false, done)
            authState.counters.revocations.add(.subject)
        }
    }

    private func cutSubject(
        of session: LogoutSession, isSpared: Bool, _ done: @escaping @Sendable (Result<UInt64, RevocationError>) -> Void
    ) throws(LogoutFailure) {
        let asker = RevokingSession(
            sid: session.sid, client: Array(session.clientID.utf8), kid: Array(session.kid.utf8), isSpared: isSpared)
        let denial = authState.revocations.cut(
            .subject, name: Array(session.subject.utf8), reason: RevocationReason.logout.rawValue, for: asker, done)
        if let denial { throw .ended(denial) }
    }
}

extension AuthState {
    /// The latest moment at which any token of a session can still be alive, in milliseconds since 1970.
    func latestEnd(of sid: UUID) -> Int64 {
        TokenLimits.standard.acceptedUntil(revocations.latestEnd(of: sid), leeway: settings.leeway)
    }
}
