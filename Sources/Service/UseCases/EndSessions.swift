package import Encoding
import JOSE
package import Platform
package import Revocation
import Telemetry
import Tokens

/// Which sessions a logout ends.
package enum LogoutReach: String, CaseIterable, Sendable {
    /// This session.
    case local
    /// The subject's other sessions.
    case others
    /// All of the subject's sessions.
    case global
}

/// The session that the token of a logout belongs to.
package struct LogoutSession: Equatable, Sendable {
    package let sid: UUID
    /// The claim `bsq` of the token.
    let birth: UInt64?
    package let subject: String
    let clientID: String
    /// The key that signed the token.
    let kid: String
    /// When the session expires; `nil` if the token does not say.
    let sessionEnd: UnixMilliseconds?
}

package enum LogoutFailure: Error, Equatable, Sendable {
    case access(VerifyFailure)
    case refresh(RefreshFailure)
    /// The two tokens belong to different sessions, or the access token has none.
    case sessionUnclear
    /// The access token is signed with a shared secret, and this server did not issue it.
    case notIssuedHere
    /// The session was ended during the request.
    case ended(Denial)
}

/// Ends the session of a token, the subject's other sessions, or all of them.
package struct EndSessions {
    private let context: LoopContext

    package init(_ context: LoopContext) {
        self.context = context
    }

    package func session(ofAccess token: Span<UInt8>, at now: UnixMilliseconds) throws(LogoutFailure) -> LogoutSession {
        let verified: VerifiedToken
        do throws(VerifyFailure) {
            verified = try VerifyToken(context).verify(token, VerifyExpectations(), at: now)
        } catch {
            throw .access(error)
        }
        guard let sid = verified.sid else { throw .sessionUnclear }
        guard SignedTokens(context).mayRevoke(verified) else { throw .notIssuedHere }
        return LogoutSession(
            sid: sid, birth: SignedTokens(context).birth(of: verified), subject: verified.text(verified.subject),
            clientID: verified.text(verified.clientID),
            kid: String(decoding: verified.kid, as: UTF8.self), sessionEnd: nil)
    }

    /// A refresh token that was already used, or whose session has ended, may still end its session: that only removes
    /// access. It may not end other sessions, or a stolen token would keep some power after its session.
    package func session(
        ofRefresh token: Span<UInt8>, for reach: LogoutReach, at now: UnixMilliseconds
    ) throws(LogoutFailure) -> LogoutSession {
        let standing = SessionStanding(context)
        let claims: RefreshClaims
        do throws(TokenRejection) {
            claims = try standing.verify(token, at: now)
        } catch {
            context.authState.counters.refreshes.add(.refused)
            throw .refresh(.rejected(error))
        }
        if let end = standing.end(of: claims) { throw .refresh(end) }
        if reach != .local, let denial = standing.denial(of: claims) { throw .refresh(.revoked(denial)) }
        return LogoutSession(
            sid: claims.sid, birth: claims.birth, subject: claims.subject, clientID: claims.clientID, kid: claims.kid,
            sessionEnd: claims.sessionEnd.milliseconds)
    }

    /// - Parameter done: called once, when the revocation is durable or has failed, unless this throws.
    package func end(
        _ session: LogoutSession, _ reach: LogoutReach,
        done: @escaping @Sendable (Result<LedgerPosition, RevocationError>) -> Void
    ) throws(LogoutFailure) {
        let state = context.authState
        switch reach {
        case .local:
            state.counters.revocations.add(.session)
            state.revocations.revokeSession(
                session.sid, expiresAt: session.sessionEnd ?? state.latestEnd(of: session.sid),
                reason: RevocationReason.logout.rawValue, done)
        case .others:
            try revokeSubject(of: session, isExempt: true, done)
            state.counters.revocations.add(.others)
        case .global:
            try revokeSubject(of: session, isExempt: false, done)
            state.counters.revocations.add(.subject)
        }
    }

    private func revokeSubject(
        of session: LogoutSession, isExempt: Bool,
        _ done: @escaping @Sendable (Result<LedgerPosition, RevocationError>) -> Void
    ) throws(LogoutFailure) {
        var asker = RevokingSession(
            sid: session.sid, client: Array(session.clientID.utf8), kid: Array(session.kid.utf8), isExempt: isExempt)
        asker.birth = context.authState.revocations.comparable(session.birth)
        let denial = context.authState.revocations.cut(
            .subject, name: Array(session.subject.utf8), reason: RevocationReason.logout.rawValue, for: asker, done)
        if let denial { throw .ended(denial) }
    }
}
