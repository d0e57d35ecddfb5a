import Accounts
package import Encoding
package import Platform
package import Revocation
import Telemetry
import Tokens

package enum SessionListFailure: Error, Equatable, Sendable {
    /// The service keeps no list of sessions.
    case notEnabled
    case token(LogoutFailure)
    /// The user has no such session.
    case unknownSession
}

/// Lists the sessions of a user, and ends one of them.
package struct ListSessions {
    private let context: LoopContext

    package init(_ context: LoopContext) {
        self.context = context
    }

    /// - Throws: ``SessionListFailure/notEnabled`` unless users can list their sessions.
    package func checkEnabled() throws(SessionListFailure) {
        guard context.authState.settings.sessionList != nil else { throw .notEnabled }
    }

    /// The session of an access token, whose user may see and end that user's sessions.
    package func session(
        of token: Span<UInt8>, at now: UnixMilliseconds
    ) throws(SessionListFailure) -> LogoutSession {
        do throws(LogoutFailure) {
            return try EndSessions(context).session(ofAccess: token, at: now)
        } catch {
            throw .token(error)
        }
    }

    /// The live sessions of the user of `asker` that the journal has an entry of, the newest first.
    ///
    /// A session whose refresh secret was revoked is not live, except that of `asker` while its access token is valid.
    package func list(for asker: LogoutSession, at now: UnixMilliseconds) -> [ListedSession] {
        let isAdmitted = admission(of: asker)
        let state = context.authState
        return state.revocations.sessions(of: Array(asker.subject.utf8).span, at: now).filter { session in
            let sid = session.entry.sid
            return isAdmitted(sid) && (sid == asker.sid || state.mayRefresh(lastUsedAt: session.lastUsedAt))
        }
    }

    /// The id of the client that a session belongs to; nil if only its key is stored, and no client has that key now.
    package func clientID(of session: ListedSession) -> String? {
        if case .name(let id) = session.entry.client { return id }
        return context.clients.clients.first { session.entry.client.isNamed($0.id) }?.id
    }

    /// Ends one session of the user of `asker`.
    ///
    /// - Parameter done: called once, when the revocation is durable or has failed, unless this throws.
    package func end(
        _ sid: UUID, for asker: LogoutSession, at now: UnixMilliseconds,
        done: @escaping @Sendable (Result<LedgerPosition, RevocationError>) -> Void
    ) throws(SessionListFailure) {
        let state = context.authState
        guard admission(of: asker)(sid),
            state.revocations.endListed(
                sid, of: Array(asker.subject.utf8).span, at: now, expiresAt: state.latestEnd(of: sid),
                reason: RevocationReason.logout.rawValue, done)
        else { throw .unknownSession }
        state.counters.revocations.add(.session)
    }

    /// Whether the account admits a session of its user.
    private func admission(of asker: LogoutSession) -> (UUID) -> Bool {
        guard let id = UUID(asker.subject), let standing = context.accounts.standing(of: id) else {
            return { _ in true }
        }
        return { standing.admits(session: $0) }
    }
}
