package import Accounts
package import Encoding
import Keys
package import Platform
package import Revocation
import Telemetry
import Tokens

/// A request for a session.
package struct LoginAttempt: Sendable {
    package static let passwordByteCounts = 1...1_024

    package var username: String
    package var password: Secret
    /// `nil` requests every scope that the user has.
    package var scope: Scope?
    /// `nil` requests the first configured audience.
    package var audience: String?
    package var client: Client?
    /// The source that the throttle counts the attempt for.
    package var source: LoginThrottle.Source
    /// The device that the person signs in from, as the client calls it.
    package var device: DeviceLabel?
    /// What the client sent as the token of its device. If it is not valid for this user, the login continues without it.
    package var deviceToken: [UInt8]?
    /// Where the person signs in from; nil if that is not known.
    package var address: SessionEntry.Address?
    /// The session that ends when this login succeeds. It does not count towards the sessions of the user.
    package var replacedSession: UUID?

    package init(
        username: String, password: Secret, scope: Scope?, audience: String?, client: Client?,
        source: LoginThrottle.Source, device: DeviceLabel? = nil, deviceToken: [UInt8]? = nil,
        address: SessionEntry.Address? = nil
    ) {
        self.username = username
        self.password = password
        self.scope = scope
        self.audience = audience
        self.client = client
        self.source = source
        self.device = device
        self.deviceToken = deviceToken
        self.address = address
    }
}

package enum LoginFailure: Error, Equatable, Sendable {
    /// Unknown user, wrong password or disabled account. The client does not learn which.
    case credentialsInvalid
    case tooManyAttempts(retryAfterSeconds: Int64)
    /// The password would wait for too long to be hashed.
    case hashingSaturated(retryAfterSeconds: Int64)
    /// The journal cannot accept the record of the session.
    case unavailable
    case scopeInvalid
    case audienceInvalid
    /// No key can sign the tokens.
    case signingUnavailable(String)
    /// Signing failed for another reason.
    case internalFault(String)
}

/// A session that may be opened, for the event loop that started the login.
package struct LoginGrant: Sendable {
    let user: User
    let scope: Scope
    let audience: String
    let client: Client?
    /// Generated before the account was read, so that a later revocation of the account's sessions includes this one.
    let sid: UUID
    /// The identifier of the device token to issue; `nil` if the login named no device.
    var deviceID: UUID?
    /// The subject of a user whom only the client knows.
    var externalSubject: String? = nil
    /// How the user authenticated (RFC 8176).
    var methods = ["pwd"]
    /// When the user authenticated; `nil` for the time of the first tokens.
    var authTime: UnixSeconds? = nil

    package var subject: String { externalSubject ?? user.id.description }
}

/// Opens a session for a user name and a password.
///
/// ``begin(_:at:then:)`` checks the password on the hashing pool; ``complete(_:at:)`` signs the tokens on the event loop.
package struct OpenSession {
    private let context: LoopContext
    private var authState: AuthState { context.authState }

    package init(_ context: LoopContext) {
        self.context = context
    }

    /// Checks everything except the password, and queues the password for hashing.
    ///
    /// - Parameters:
    ///   - then: called once, on a thread of the pool or of the journal, unless this throws.
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
        let login = PendingLogin(attempt: attempt, audience: audience, charge: charge, sid: sid, deviceID: deviceID)
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

    /// Whether the user, or the client that alone knows the user, is still as when the account was read.
    private func isAdmitted(_ grant: LoginGrant) -> Bool {
        guard let subject = grant.externalSubject else {
            return authState.accounts.index.current.standing(of: grant.user.id) == grant.user.standing
        }
        return ExternalUsers.admittingClient(of: subject, grant.client?.id ?? "", in: authState.clients.current) != nil
    }

    /// Opens the session, with a new identifier and nothing that the client chose.
    ///
    /// Rejects the login if the account's sessions were ended after the password was checked.
    package func complete(_ grant: LoginGrant, at now: UnixMilliseconds) throws(LoginFailure) -> TokenPair {
        let user = grant.user
        guard isAdmitted(grant) else {
            authState.counters.logins.add(.refused)
            throw .credentialsInvalid
        }
        let seconds = now.seconds
        let authTime = grant.authTime ?? seconds
        let end = authTime.adding(seconds: authState.settings.sessionMax)
        let session = RefreshClaims(
            sid: grant.sid, generation: 0, subject: grant.subject,
            clientID: grant.client?.id ?? AuthState.firstPartyClient, issuedAt: seconds,
            expiresAt: min(seconds.adding(seconds: authState.settings.refreshIdle), end), sessionEnd: end,
            audience: [grant.audience], scope: grant.scope.text, authTime: authTime, methods: grant.methods)
        guard seconds < end, SessionStanding(context).denial(of: session) == nil else {
            authState.counters.logins.add(.refused)
            throw .credentialsInvalid
        }
        do throws(IssueError) {
            var pair = try SessionTokens(context).issue(
                session, scope: grant.scope.text, audience: grant.audience, to: user, client: grant.client)
            pair.deviceToken = try grant.deviceID.map { id throws(IssueError) in
                try DeviceTokens(context).issue(id, to: user, at: seconds)
            }
            authState.counters.logins.add(.succeeded)
            return pair
        } catch {
            guard error.isAboutKeys else { throw .internalFault("\(error)") }
            authState.counters.logins.add(.unavailable)
            throw .signingUnavailable("\(error)")
        }
    }
}

/// A login that waits for its user or its password hash.
private struct PendingLogin: Sendable {
    let attempt: LoginAttempt
    let audience: String
    let charge: LoginThrottle.Attempt
    let sid: UUID
    let deviceID: UUID?
}

extension AuthState {
    /// Queues the password for hashing.
    ///
    /// - Returns: why it was not queued; in that case `then` is not called.
    fileprivate func queue(
        _ login: PendingLogin, of user: User?, _ then: @escaping @Sendable (Result<LoginGrant, LoginFailure>) -> Void
    ) -> LoginFailure? {
        let attempt = login.attempt
        let refusal = hashing.submit(login.charge.lane) { [self] in
            record(
                check(login, of: user), device: attempt.device, address: attempt.address,
                replacing: attempt.replacedSession, then)
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
        throttle.recordSuccess(login.charge, now: monotonic())
        let allowed = Scope(names: user.scopes.filter { attempt.client?.mayUse(scope: $0) ?? true })
        let scope = attempt.scope ?? allowed
        guard scope.isWithin(allowed) else { return .failure(.scopeInvalid) }
        if isWeaker { strengthen(attempt.password, of: user) }
        return .success(
            LoginGrant(
                user: user, scope: scope, audience: login.audience, client: attempt.client, sid: login.sid,
                deviceID: login.deviceID))
    }

    func record(
        _ verdict: Result<LoginGrant, LoginFailure>, device: DeviceLabel?, address: SessionEntry.Address?,
        replacing replaced: UUID? = nil,
        _ then: @escaping @Sendable (Result<LoginGrant, LoginFailure>) -> Void
    ) {
        guard case .success(let grant) = verdict else { return then(verdict) }
        let session = NewSession(
            sid: grant.sid, subject: grant.subject, clientID: grant.client?.id ?? AuthState.firstPartyClient,
            device: device, address: address, authTime: grant.authTime ?? clock.now.seconds, replaces: replaced)
        let standing = grant.externalSubject == nil ? grant.user.standing : nil
        record(session, sessionsFrom: standing) { [counters] isRecorded in
            guard !isRecorded else { return then(verdict) }
            counters.logins.add(.unavailable)
            then(.failure(.unavailable))
        }
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
    private func strengthen(_ password: Secret, of user: User) {
        _ = hashing.submit(.other(lastFailure: .max)) { [self] in
            do {
                let salt = random(PasswordHasher.saltByteCount)
                let hash = try passwords.hash(password.octets, salt: salt)
                try accounts.storeHash(hash, of: user)
                log.write(.info, "password_rehashed") { $0.add("sub", user.id.description) }
            } catch {
                log.write(.error, "password_rehash_failed") { line in
                    line.add("sub", user.id.description)
                    line.add("reason", "\(error)")
                }
            }
        } refused: { _ in
        }
    }
}
