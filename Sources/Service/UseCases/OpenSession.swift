import Accounts
import Encoding
import Keys
package import Platform
import Revocation
import Telemetry
import Tokens

/// Opens a session for a user name and a password, in three steps:
///
/// 1. ``begin(_:at:then:)`` checks the password on the hashing pool.
/// 2. ``open(_:at:check:then:)`` signs the tokens on the event loop. When nothing but the journal can fail any more, it
///    records the session. The replaced session, the oldest sessions beyond the limit and the failures of the account end
///    with that, or not at all.
/// 3. ``complete(_:)`` returns the tokens on the event loop.
package struct OpenSession {
    private let context: LoopContext
    private var authState: AuthState { context.authState }

    package init(_ context: LoopContext) {
        self.context = context
    }

    /// Checks everything except the password, and queues the password for hashing.
    ///
    /// - Parameters:
    ///   - then: called once, on any thread, unless this throws.
    package func begin(
        _ attempt: LoginAttempt, at now: UnixMilliseconds,
        then: @escaping @Sendable (Result<LoginGrant, LoginFailure>) -> Void
    ) throws(LoginFailure) {
        let audience = attempt.audience ?? authState.settings.audiences[0]
        guard authState.settings.audiences.contains(audience), attempt.client?.mayUse(audience: audience) ?? true else {
            throw .audienceInvalid
        }
        guard authState.revocations.takesEverything else {
            authState.counters.logins.add(.unavailable)
            throw .unavailable
        }
        // Hashing is expensive, so do not start it for a session that cannot be signed.
        guard SessionTokens(context).canSign(audience: audience, client: attempt.client, at: now) else {
            authState.counters.logins.add(.unavailable)
            throw .signingUnavailable("no key signs the tokens of this login")
        }
        let charge = try admit(attempt, at: now)
        // Below the session's identifier, which the journal records: a revoke-before time after a crash includes both.
        let deviceID = attempt.device == nil ? nil : authState.revocations.identifiers.next()
        let sid = authState.revocations.identifiers.next()
        let login = PendingLogin(
            attempt: attempt, audience: audience, charge: charge, sid: sid, birth: authState.revocations.birth,
            deviceID: deviceID)
        let authState = authState
        let answer = authState.accounts.user(named: attempt.username) { result in
            switch result {
            case .success(let user):
                if let failure = authState.queue(login, of: user, then) { then(.failure(failure)) }
            case .failure(let error):
                authState.throttle.withdraw(charge)
                authState.counters.logins.add(.unavailable)
                then(.failure(.internalFault("accounts: \(error.reason)")))
            }
        }
        guard case .now(let user) = answer else { return }
        if let failure = authState.queue(login, of: user, then) { throw failure }
    }

    private func admit(
        _ attempt: LoginAttempt, at now: UnixMilliseconds
    ) throws(LoginFailure) -> LoginThrottle.Attempt {
        let device = attempt.deviceToken.flatMap {
            DeviceTokens(context).identifier($0.span, of: attempt.username, at: now)
        }
        let verdict = authState.throttle.admit(
            account: attempt.username, from: attempt.source, device: device, now: authState.monotonic())
        switch verdict {
        case .allowed(let charge):
            return charge
        case .wait(let seconds):
            authState.counters.logins.add(.throttled)
            throw .tooManyAttempts(retryAfterSeconds: seconds)
        }
    }

    /// Whether the user, or the client that alone knows the user, is still as when the account was read, and the client is
    /// still enabled.
    private func isAdmitted(_ grant: LoginGrant) -> Bool {
        if let client = grant.client, !authState.isEnabled(client) { return false }
        guard let subject = grant.externalSubject else {
            return authState.accounts.index.current.standing(of: grant.user.id) == grant.user.standing
        }
        return ExternalUsers.admittingClient(of: subject, grant.client?.id ?? "", in: authState.clients.current) != nil
    }

    /// Signs the tokens, with a new identifier and nothing that the client chose, and records the session.
    ///
    /// - Parameters:
    ///   - check: whether the tokens can be delivered.
    ///   - then: called once, on any thread, unless this throws. After a failure, nothing has begun and nothing has ended.
    package func open(
        _ grant: LoginGrant, at now: UnixMilliseconds, check: (TokenPair) throws(LoginFailure) -> Void = { _ in },
        then: @escaping @Sendable (Result<OpenedSession, LoginFailure>) -> Void
    ) throws(LoginFailure) {
        context.applyChanges()
        let opened: OpenedSession
        do throws(LoginFailure) {
            opened = try signed(grant, at: now)
            try check(opened.pair)
        } catch {
            // An attempt that gets 401 stays charged, whatever the reason is.
            if let charge = grant.charge, error != .credentialsInvalid { authState.throttle.withdraw(charge) }
            throw error
        }
        authState.record(opened) { [authState] isRecorded in
            guard isRecorded else {
                if let charge = grant.charge { authState.throttle.withdraw(charge) }
                authState.counters.logins.add(.unavailable)
                return then(.failure(.unavailable))
            }
            if let charge = grant.charge { authState.throttle.recordSuccess(charge, now: authState.monotonic()) }
            if grant.replaced != nil { authState.counters.revocations.add(.session) }
            if let password = grant.weaklyHashed { authState.strengthen(password, of: grant.user) }
            then(.success(opened))
        }
    }

    private func signed(_ grant: LoginGrant, at now: UnixMilliseconds) throws(LoginFailure) -> OpenedSession {
        let seconds = now.seconds
        let authTime = grant.authTime ?? seconds
        let end = authTime.adding(seconds: authState.settings.sessionMax)
        var session = RefreshClaims(
            sid: grant.sid, generation: 0, subject: grant.subject,
            clientID: grant.client?.id ?? AuthState.firstPartyClient, issuedAt: seconds,
            expiresAt: min(seconds.adding(seconds: authState.settings.refreshIdle), end), sessionEnd: end,
            audience: [grant.audience], scope: grant.scope.text, authTime: authTime, methods: grant.methods)
        session.birth = grant.birth
        try checkStanding(of: grant, session)
        do throws(IssueError) {
            var pair = try SessionTokens(context).issue(
                session, scope: grant.scope.text, audience: grant.audience, to: grant.user, client: grant.client)
            pair.deviceToken = try grant.deviceID.map { id throws(IssueError) in
                try DeviceTokens(context).issue(id, to: grant.user, at: seconds)
            }
            return OpenedSession(grant: grant, claims: session, pair: pair)
        } catch {
            guard error.isAboutKeys else { throw .internalFault("\(error)") }
            authState.counters.logins.add(.unavailable)
            throw .signingUnavailable("\(error)")
        }
    }

    /// Rejects the login if the account or its sessions were ended after the password was checked, or its time is over.
    private func checkStanding(of grant: LoginGrant, _ session: RefreshClaims) throws(LoginFailure) {
        guard authState.clock.now.seconds < session.sessionEnd, isAdmitted(grant),
            SessionStanding(context).denial(of: session) == nil
        else {
            authState.counters.logins.add(.refused)
            throw .credentialsInvalid
        }
    }

    /// Returns the tokens of a session that was recorded, unless a revocation has ended it meanwhile.
    package func complete(_ opened: OpenedSession) throws(LoginFailure) -> TokenPair {
        try checkStanding(of: opened.grant, opened.claims)
        authState.counters.logins.add(.succeeded)
        return opened.pair
    }
}

/// A login that waits for its user or its password hash.
private struct PendingLogin: Sendable {
    let attempt: LoginAttempt
    let audience: String
    let charge: LoginThrottle.Attempt
    let sid: UUID
    let birth: UInt64?
    let deviceID: UUID?
}

extension AuthState {
    /// Queues the password for hashing.
    ///
    /// - Returns: why it was not queued; in that case `then` is not called.
    fileprivate func queue(
        _ login: PendingLogin, of user: User?, _ then: @escaping @Sendable (Result<LoginGrant, LoginFailure>) -> Void
    ) -> LoginFailure? {
        let refusal = hashing.submit(login.charge.lane) { [self] in
            then(check(login, of: user))
        } refused: { [self] in
            then(.failure(withdraw(login, $0)))
        }
        return refusal.map { withdraw(login, $0) }
    }

    private func withdraw(_ login: PendingLogin, _ refusal: HashingRefusal) -> LoginFailure {
        throttle.withdraw(login.charge)
        counters.logins.add(.saturated)
        return .hashingSaturated(retryAfterSeconds: refusal.retryAfterSeconds)
    }

    /// Checks the password of one attempt, at the same cost whether the user exists or not. Runs on a thread of the pool.
    fileprivate func check(
        _ login: PendingLogin, of user: User?
    ) -> Result<LoginGrant, LoginFailure> {
        let attempt = login.attempt
        let verdict: PasswordVerdict
        do {
            verdict = try check(attempt.password.octets, of: user)
        } catch {
            throttle.withdraw(login.charge)
            return .failure(.internalFault("\(error)"))
        }
        guard case .match(let isWeaker) = verdict, let user, !user.isDisabled else {
            throttle.recordFailure(login.charge, now: monotonic())
            counters.logins.add(.refused)
            return .failure(.credentialsInvalid)
        }
        let allowed = Scope(names: user.scopes.filter { attempt.client?.mayUse(scope: $0) ?? true })
        let scope = attempt.scope ?? allowed
        guard scope.isWithin(allowed) else {
            throttle.withdraw(login.charge)
            return .failure(.scopeInvalid)
        }
        return .success(
            LoginGrant(
                user: user, scope: scope, audience: login.audience, client: attempt.client, sid: login.sid,
                birth: login.birth,
                deviceID: login.deviceID, device: attempt.device, address: attempt.address,
                replaced: attempt.replacedSession, charge: login.charge,
                weaklyHashed: isWeaker ? attempt.password : nil))
    }

    /// - Parameter done: called once, on any thread, with false if the journal cannot record the session.
    fileprivate func record(_ opened: OpenedSession, _ done: @escaping @Sendable (Bool) -> Void) {
        let (grant, claims) = (opened.grant, opened.claims)
        let session = NewSession(
            sid: claims.sid, subject: claims.subject, clientID: claims.clientID, device: grant.device,
            address: grant.address, authTime: claims.authTime, replaced: grant.replaced)
        record(session, sessionsFrom: grant.externalSubject == nil ? grant.user.standing : nil, done)
    }

    func check(_ password: [UInt8], of user: User?) throws -> PasswordVerdict {
        // An account whose stored hash matches no password takes as long as one that does not exist.
        if let user, PasswordHasher.isUsable(user.passwordHash) {
            return try passwords.verify(password, against: user.passwordHash)
        }
        try passwords.verifyNobody(password)
        return .mismatch
    }

    /// Replaces a weak stored hash with one of the current parameters, when no login waits. If the queue is full, the next
    /// login does it.
    fileprivate func strengthen(_ password: Secret, of user: User) {
        _ = hashing.submit(.other(lastFailure: .max)) { [self] in
            do {
                let salt = random(PasswordHasher.saltByteCount)
                let hash = try passwords.hash(password.octets, salt: salt)
                try accounts.storeHash(hash, of: user)
                log.write(.info, "password_rehashed") { $0.add("sub", user.id) }
            } catch {
                log.write(.error, "password_rehash_failed") { line in
                    line.add("sub", user.id)
                    line.add("reason", "\(error)")
                }
            }
        } refused: { _ in
        }
    }
}
