import Accounts
import Encoding
import Platform
import Revocation
import Telemetry

/// A session that is about to begin, as the journal records it.
struct NewSession: Sendable {
    let sid: UUID
    let subject: String
    let clientID: String
    let device: DeviceLabel?
    let address: SessionEntry.Address?
    /// The session lasts at most `sessionMax` from here.
    let authTime: UnixSeconds
    /// A session of the same browser that ends together with the beginning of this one.
    let replaced: UUID?
}

extension AuthState {
    /// Records a session before the client gets its identifier: after a crash, a revocation could otherwise miss a
    /// session that the journal does not know. Every way to open a session ends here.
    ///
    /// With a list of sessions, the record is an entry of the list, and the oldest sessions of the subject beyond the
    /// limit end together with it. If this fails, nothing has begun and nothing has ended.
    ///
    /// - Parameters:
    ///   - sessionsFrom: the standing of the user, which excludes sessions that do not count; nil for a subject without
    ///     an account.
    ///   - done: called once, on any thread, with false if the journal cannot record it.
    func record(
        _ session: NewSession, sessionsFrom standing: User.Standing?, _ done: @escaping @Sendable (Bool) -> Void
    ) {
        if let standing, let user = UUID(session.subject) {
            accounts.noteSession(session.sid, of: user, standing, hasDevice: session.device != nil)
        }
        let replaced = session.replaced.map { ReplacedSession(sid: $0, expiresAt: latestEnd(of: $0)) }
        guard let list = settings.sessionList else {
            return revocations.begin(session.sid, replacing: replaced) { done($0 == nil) }
        }
        let subject = Array(session.subject.utf8)
        let entry = SessionEntry(
            sid: session.sid, subject: subject.span, clientID: session.clientID, device: session.device?.text,
            address: session.address, end: session.authTime.adding(seconds: settings.sessionMax),
            idleSeconds: settings.refreshIdle)
        revocations.begin(
            entry, at: clock.now, countMax: list.perUser, replacing: replaced,
            isOver: { sid, lastUse in standing?.admits(session: sid) == false || !mayRefresh(lastUsedAt: lastUse) },
            keptUntil: { latestEnd(of: $0) }
        ) { [log] result in
            guard case .success(let beginning) = result else { return done(false) }
            for sid in beginning.displaced {
                log.write(.info, "session_displaced") { line in
                    line.add("sub", session.subject)
                    line.add("sid", sid.description)
                    line.add("by", session.sid.description)
                }
            }
            done(true)
        }
    }
}
