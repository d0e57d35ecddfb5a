package import Accounts
import Encoding
import Keys
package import Platform
import Revocation
import Telemetry
import Tokens

/// Who wants a session, and with what.
package struct LoginAttempt: Sendable {
    package static let passwordByteCounts = 1...1_024

    package var username: String
    package var password: Secret
    /// `nil` asks for all the user has.
    package var scope: Scope?
    /// `nil` asks for the first configured audience.
    package var audience: String?
    package var client: Client?
    /// Where the attempt comes from, as the throttle counts it.
    package var source: LoginThrottle.Source

    package init(
        username: String, password: Secret, scope: Scope?, audience: String?, client: Client?,
        source: LoginThrottle.Source
    ) {
        self.username = username
        self.password = password
        self.scope = scope
        self.audience = audience
        self.client = client
        self.source = source
    }
}

package enum LoginFailure: Error, Equatable, Sendable {
    /// Unknown user, wrong password or disabled account: nobody outside learns which (F2).
    case credentialsInvalid
    case tooManyAttempts(retryAfterSeconds: Int64)
    case hashingSaturated
    /// What would end the session could not be made durable.
    case unavailable
    case scopeInvalid
    case audienceInvalid
    /// No key signs what this login would get.
    case signingUnavailable(String)
    /// Ours: signing or issuing failed.
    case internalFault(String)
}

/// A password that was right, on its way back to the loop that asked.
package struct LoginGrant: Sendable {
    let user: User
    let scope: Scope
    let audience: String
    let client: Client?
    /// Drawn before the account was looked at, so that what ends the account's sessions from then on ends this one.
    let sid: UUID
}

extension LoopContext {
    /// Checks what can be checked at once, then has the password hashed on the pool.
    ///
    /// - Parameters:
    ///   - now: milliseconds since 1970.
    ///   - then: runs on a pool thread or on the journal's, once, unless this throws.
    package func beginLogin(
        _ attempt: LoginAttempt, at now: Int64, then: @escaping @Sendable (Result<LoginGrant, LoginFailure>) -> Void
    ) throws(LoginFailure) {
        let audience = attempt.audience ?? authState.settings.audiences[0]
        guard authState.settings.audiences.contains(audience), attempt.client?.mayUse(audience: audience) ?? true else {
            throw .audienceInvalid
        }
        guard authState.revocations.takesEverything else {
            authState.counters.logins.add(.unavailable)
            throw .unavailable
        }
        // A password is not worth hashing for a session that cannot be signed.
        guard canSign(audience: audience, client: attempt.client, at: now) else {
            authState.counters.logins.add(.unavailable)
            throw .signingUnavailable("no key signs the tokens of this login")
        }
        let charge = try admit(attempt)
        let sid = authState.revocations.identifiers.next()
        let user = authState.users.current.user(named: attempt.username)
        let authState = authState
        let isQueued = authState.hashing.submit {
            let verdict = authState.judge(attempt, of: user, audience: audience, sid: sid, charge)
            authState.note(verdict, then)
        }
        guard isQueued else {
            authState.throttle.withdraw(charge)
            authState.counters.logins.add(.saturated)
            throw .hashingSaturated
        }
    }

    private func admit(_ attempt: LoginAttempt) throws(LoginFailure) -> LoginThrottle.Attempt {
        switch authState.throttle.admit(account: attempt.username, from: attempt.source, now: authState.monotonic()) {
        case .allowed(let charge):
            return charge
        case .wait(let seconds):
            authState.counters.logins.add(.throttled)
            throw .tooManyAttempts(retryAfterSeconds: seconds)
        }
    }

    /// Begins a session: fresh identifiers, nothing taken over from what the client sent (F13).
    ///
    /// The password was right when it was looked at. If the account's sessions were ended since, it no longer is.
    package func openSession(_ grant: LoginGrant, at now: Int64) throws(LoginFailure) -> TokenPair {
        guard let user = authState.users.current.user(id: grant.user.id), user.standing == grant.user.standing else {
            authState.counters.logins.add(.refused)
            throw .credentialsInvalid
        }
        let seconds = now / 1_000
        let session = RefreshClaims(
            sid: grant.sid, generation: 0, subject: user.id.description,
            clientID: grant.client?.id ?? AuthState.firstPartyClient, issuedAt: seconds,
            expiresAt: seconds + min(authState.settings.refreshIdle, authState.settings.sessionMax),
            sessionEnd: seconds + authState.settings.sessionMax, audience: [grant.audience], scope: grant.scope.text,
            authTime: seconds, methods: ["pwd"])
        guard denial(of: session) == nil else {
            authState.counters.logins.add(.refused)
            throw .credentialsInvalid
        }
        do throws(IssueError) {
            let pair = try issue(
                session, scope: grant.scope.text, audience: grant.audience, to: user, client: grant.client)
            authState.counters.logins.add(.succeeded)
            return pair
        } catch {
            guard error.isAboutKeys else { throw .internalFault("\(error)") }
            authState.counters.logins.add(.unavailable)
            throw .signingUnavailable("\(error)")
        }
    }

    private func canSign(audience: String, client: Client?, at now: Int64) -> Bool {
        let algorithm = authState.algorithm(audience: audience, client: client)
        return authState.signer(for: algorithm, in: keyring, at: now) != nil
            && authState.refreshSigner(in: keyring, at: now) != nil
    }

    /// Signs both tokens of a session's generation; equal inputs give equal bytes (G5).
    func issue(
        _ session: RefreshClaims, scope: String, audience: String, to user: User, client: Client?
    ) throws(IssueError) -> TokenPair {
        let now = authState.clock.now
        let algorithm = authState.algorithm(audience: audience, client: client)
        // What a revoked key signs is refused at once: better no token than that.
        guard authState.signer(for: algorithm, in: keyring, at: now) != nil else { throw .noSigningKey(algorithm) }
        guard authState.refreshSigner(in: keyring, at: now) != nil else { throw .noRefreshKey }
        let access = AccessGrant(
            subject: session.subject, clientID: session.clientID, audience: [audience], scope: scope, sid: session.sid,
            generation: session.generation, authTime: session.authTime, methods: session.methods, roles: user.roles,
            extra: user.claims(within: authState.settings.extraClaims), issuedAt: session.issuedAt &* 1_000,
            lifetime: authState.settings.accessLifetime, sessionEnd: session.sessionEnd,
            algorithm: algorithm)
        return TokenPair(
            accessToken: try issuer.accessToken(access, now: now),
            refreshToken: try issuer.refreshToken(session, now: now),
            issuedAt: session.issuedAt, expiresIn: access.expiresAt - session.issuedAt,
            refreshExpiresIn: session.expiresAt - session.issuedAt, sid: session.sid, scope: scope)
    }
}

extension AuthState {
    /// The verdict on one attempt; costs the same whether the user exists or not (F3). Runs on a pool thread.
    fileprivate func judge(
        _ attempt: LoginAttempt, of user: User?, audience: String, sid: UUID, _ charge: LoginThrottle.Attempt
    ) -> Result<LoginGrant, LoginFailure> {
        let verdict: PasswordVerdict
        do {
            verdict = try check(attempt.password.octets, of: user)
        } catch {
            throttle.withdraw(charge)
            return .failure(.internalFault("\(error)"))
        }
        guard case .match(let isWeaker) = verdict, let user, !user.isDisabled else {
            counters.logins.add(.refused)
            return .failure(.credentialsInvalid)
        }
        throttle.recordSuccess(charge, now: monotonic())
        let allowed = Scope(names: user.scopes.filter { attempt.client?.mayUse(scope: $0) ?? true })
        let scope = attempt.scope ?? allowed
        guard scope.isWithin(allowed) else { return .failure(.scopeInvalid) }
        if isWeaker { strengthen(attempt.password, of: user) }
        return .success(LoginGrant(user: user, scope: scope, audience: audience, client: attempt.client, sid: sid))
    }

    /// A session that the journal does not know of could outlive a cut after a crash: nobody gets its id before.
    fileprivate func note(
        _ verdict: Result<LoginGrant, LoginFailure>,
        _ then: @escaping @Sendable (Result<LoginGrant, LoginFailure>) -> Void
    ) {
        guard case .success(let grant) = verdict else { return then(verdict) }
        revocations.begin(grant.sid) { [counters] fault in
            guard fault != nil else { return then(verdict) }
            counters.logins.add(.unavailable)
            then(.failure(.unavailable))
        }
    }

    private func check(_ password: [UInt8], of user: User?) throws -> PasswordVerdict {
        // A locked account, whose hash no password can match, takes as long as one that is not there.
        if let user, PasswordHasher.isUsable(user.passwordHash) {
            return try passwords.verify(password, against: user.passwordHash)
        }
        try passwords.verifyNobody(password)
        return .mismatch
    }

    /// Replaces a weak stored hash with one of today's parameters (F7); a full queue leaves it for the next login.
    private func strengthen(_ password: Secret, of user: User) {
        _ = hashing.submit { [self] in
            do {
                let salt = random(PasswordHasher.saltByteCount)
                let hash = try passwords.hash(password.octets, salt: salt)
                try storeHash(user, hash)
                log.write(.info, "password_rehashed") { $0.add("sub", user.id.description) }
            } catch {
                log.write(.error, "password_rehash_failed") { line in
                    line.add("sub", user.id.description)
                    line.add("reason", "\(error)")
                }
            }
        }
    }
}
