package import Accounts
import Encoding
package import Platform
package import Revocation
import Telemetry

/// A user's request for another password.
package struct PasswordChange: Sendable {
    /// The session that stays.
    package let session: LogoutSession
    let current: Secret
    let new: Secret
    /// The source that the throttle counts the attempt for, as at a login.
    let source: LoginThrottle.Source
    /// What the client sent as the token of its device, as at a login.
    let deviceToken: [UInt8]?

    package init(
        session: LogoutSession, current: Secret, new: Secret, source: LoginThrottle.Source, deviceToken: [UInt8]? = nil
    ) {
        self.session = session
        self.current = current
        self.new = new
        self.source = source
        self.deviceToken = deviceToken
    }
}

package enum PasswordFailure: Error, Equatable, Sendable {
    /// The access token is not valid, or has no session.
    case session(LogoutFailure)
    /// The subject of the session is a user of another system, who has no password here.
    case passwordless
    /// The user was disabled or removed, or the session has ended.
    case accountEnded
    case wrongPassword
    case unfit([PasswordViolation])
    case tooManyAttempts(retryAfterSeconds: Int64)
    case hashingSaturated(retryAfterSeconds: Int64)
    /// The journal cannot accept the end of the other sessions; the password is unchanged.
    case unavailable
    /// The new hash could not be stored; the password is unchanged.
    case notStored(String)
    /// The password was changed. The other sessions have ended until a restart, but their end is not durable.
    case sessionsNotEnded(String)
    case internalFault(String)
}

/// Replaces a user's password and ends the user's other sessions.
///
/// The new hash is durable and published before the other sessions end. After a crash, either the old password is valid
/// and every session continues, or the new password is valid. A login with the old password draws its session identifier
/// before it looks the user up, so the revocation of the other sessions includes it.
package struct ChangePassword {
    package typealias Completion = @Sendable (Result<LedgerPosition, PasswordFailure>) -> Void

    private let context: LoopContext

    package init(_ context: LoopContext) {
        self.context = context
    }

    /// The session of a user's access token. A token that an operator minted has a session that no login opened.
    package func session(
        of token: Span<UInt8>, at now: UnixMilliseconds
    ) throws(PasswordFailure) -> LogoutSession {
        do throws(LogoutFailure) {
            let session = try EndSessions(context).session(ofAccess: token, at: now)
            guard session.clientID != AuthState.mintClient else { throw .sessionUnclear }
            return session
        } catch {
            context.authState.counters.passwordChanges.add(.refused)
            throw .session(error)
        }
    }

    /// Checks everything except the passwords, and queues those for hashing.
    ///
    /// - Parameter then: called once, on any thread, with the sequence number of the revocation, unless this throws.
    package func begin(
        _ change: PasswordChange, at now: UnixMilliseconds, then: @escaping Completion
    ) throws(PasswordFailure) {
        let state = context.authState
        let pending = PendingChange(change: change, device: device(of: change, at: now), state: state) { result in
            state.counters.passwordChanges.add(PasswordChangeResult(result))
            then(result)
        }
        do throws(PasswordFailure) {
            guard let id = UUID(change.session.subject) else { throw .passwordless }
            let answer = state.accounts.user(id: id) { pending.finish($0) }
            if case .now(let user) = answer { try pending.queue(user) }
        } catch {
            state.counters.passwordChanges.add(PasswordChangeResult(.failure(error)))
            throw error
        }
    }

    /// The device that the change comes from, if its token is valid for the user of the session.
    private func device(of change: PasswordChange, at now: UnixMilliseconds) -> UUID? {
        guard let token = change.deviceToken, let id = UUID(change.session.subject),
            let name = context.accounts.name(of: id)
        else { return nil }
        return DeviceTokens(context).identifier(token.span, of: name, at: now)
    }
}

/// A change that waits for its user or for the hashes of its passwords.
private struct PendingChange: Sendable {
    /// How often a user may change while the passwords are hashed.
    private static let attemptCountMax = 3

    let change: PasswordChange
    let device: UUID?
    let state: AuthState
    let then: ChangePassword.Completion

    /// For a source of accounts that answers later.
    func finish(_ found: Result<User?, AccountSourceError>) {
        do throws(PasswordFailure) {
            let user: User?
            do throws(AccountSourceError) { user = try found.get() } catch {
                throw .internalFault("accounts: \(error.reason)")
            }
            try queue(user)
        } catch {
            then(.failure(error))
        }
    }

    func queue(_ user: User?) throws(PasswordFailure) {
        guard let user, user.standing.admits(session: change.session.sid) else { throw .accountEnded }
        guard state.revocations.takesEverything else { throw .unavailable }
        let charge: LoginThrottle.Attempt
        switch state.throttle.admit(account: user.name, from: change.source, device: device, now: state.monotonic()) {
        case .allowed(let attempt): charge = attempt
        case .wait(let seconds): throw .tooManyAttempts(retryAfterSeconds: seconds)
        }
        let refusal = state.hashing.submit(charge.lane) {
            do throws(PasswordFailure) {
                try replace(user, charge)
                endOtherSessions()
            } catch {
                then(.failure(error))
            }
        } refused: {
            then(.failure(withdraw(charge, $0)))
        }
        if let refusal { throw withdraw(charge, refusal) }
    }

    private func withdraw(_ charge: LoginThrottle.Attempt, _ refusal: HashingRefusal) -> PasswordFailure {
        state.throttle.withdraw(charge)
        return .hashingSaturated(retryAfterSeconds: refusal.retryAfterSeconds)
    }

    /// Checks both passwords and stores the new hash. Runs on a thread of the pool.
    private func replace(_ found: User, _ charge: LoginThrottle.Attempt) throws(PasswordFailure) {
        let isRight: Bool
        do throws(PasswordFailure) { isRight = try isCurrentPassword(of: found) } catch {
            state.throttle.withdraw(charge)
            throw error
        }
        guard isRight else {
            state.throttle.recordFailure(charge, now: state.monotonic())
            throw .wrongPassword
        }
        let hash: String
        do throws(PasswordFailure) { hash = try newHash(for: found) } catch {
            // The user knows the password. Several tries at a better one must not look like guesses.
            state.throttle.withdraw(charge)
            throw error
        }
        // The attempt stays charged, as a failure does: each change writes users.json on a thread that logins need.
        var user = found
        for _ in 0..<Self.attemptCountMax {
            if let denial { throw .session(.ended(denial)) }
            let stored: User?
            do throws(AccountSourceError) { stored = try state.accounts.replacePassword(with: hash, of: user) } catch {
                throw .notStored(error.reason)
            }
            if stored?.passwordHash == hash { return }
            // A command or another request changed the user. A login may have stored a stronger hash of this password.
            guard let stored, stored.standing.admits(session: change.session.sid) else { throw .accountEnded }
            guard try isCurrentPassword(of: stored) else { throw .wrongPassword }
            user = stored
        }
        throw .notStored("the user was changed several times at this moment")
    }

    private func isCurrentPassword(of user: User) throws(PasswordFailure) -> Bool {
        do {
            if case .match = try state.check(change.current.octets, of: user) { return true }
            return false
        } catch {
            throw .internalFault("\(error)")
        }
    }

    private func newHash(for user: User) throws(PasswordFailure) -> String {
        let password = change.new.octets
        let violations: [PasswordViolation]
        do throws(AccountsError) {
            violations = try state.passwordRules.violations(
                of: password, for: user.name, replacing: change.current.octets)
            if violations.isEmpty {
                return try state.passwords.hash(password, salt: state.random(PasswordHasher.saltByteCount))
            }
        } catch {
            throw .internalFault("\(error)")
        }
        throw .unfit(violations)
    }

    /// The revocation that includes the session, if there is one.
    private var denial: Denial? {
        let (session, names) = (change.session, names)
        return state.revocations.denial(
            sid: session.sid, issuedAt: 0, birth: session.birth, subject: names.subject.span, client: names.client.span,
            kid: names.kid.span)
    }

    private var names: (subject: [UInt8], client: [UInt8], kid: [UInt8]) {
        let session = change.session
        return (Array(session.subject.utf8), Array(session.clientID.utf8), Array(session.kid.utf8))
    }

    private func endOtherSessions() {
        let names = names
        var asker = RevokingSession(sid: change.session.sid, client: names.client, kid: names.kid, isExempt: true)
        asker.birth = state.revocations.comparable(change.session.birth)
        let done: @Sendable (Result<LedgerPosition, RevocationError>) -> Void = { [then] result in
            then(result.mapError { .sessionsNotEnded("\($0)") })
        }
        let (revocations, reason) = (state.revocations, RevocationReason.accountChanged.rawValue)
        let denial = revocations.cut(.subject, name: names.subject, reason: reason, for: asker, done)
        // The session ended while the hash was stored. The sessions of the old password still have to end.
        if denial != nil { revocations.cut(.subject, name: names.subject, reason: reason, done) }
        state.counters.revocations.add(.others)
    }
}

extension PasswordChangeResult {
    fileprivate init(_ result: Result<LedgerPosition, PasswordFailure>) {
        switch result {
        case .success: self = .changed
        case .failure(.session), .failure(.passwordless), .failure(.accountEnded), .failure(.wrongPassword):
            self = .refused
        case .failure(.unfit): self = .unfit
        case .failure(.tooManyAttempts): self = .throttled
        case .failure(.hashingSaturated): self = .saturated
        case .failure(.unavailable), .failure(.notStored), .failure(.sessionsNotEnded), .failure(.internalFault):
            self = .unavailable
        }
    }
}
