package import Accounts
import Encoding
package import Platform
package import Revocation
import Telemetry

/// A client's request for a session of a user whom it has authenticated itself.
package struct TrustedLogin: Sendable {
    package enum Who: Sendable {
        case subject(String)
        case username(String)
    }

    let who: Who
    /// `nil` requests every scope that user and client have.
    let scope: Scope?
    /// `nil` requests the first configured audience.
    let audience: String?
    /// How the user authenticated, as the client says (RFC 8176).
    let methods: [String]
    /// When the user authenticated; `nil` for now.
    let authTime: UnixSeconds?
    /// The device that the person signs in from, as the client calls it.
    let device: DeviceLabel?
    /// Where the user signs in from, as the client says.
    let address: SessionEntry.Address?

    package init(
        who: Who, scope: Scope?, audience: String?, methods: [String], authTime: UnixSeconds?,
        device: DeviceLabel? = nil, address: SessionEntry.Address? = nil
    ) {
        self.who = who
        self.scope = scope
        self.audience = audience
        self.methods = methods
        self.authTime = authTime
        self.device = device
        self.address = address
    }
}

package enum TrustedLoginFailure: Error, Equatable, Sendable {
    /// The client does not have the grant.
    case grantNotAllowed
    /// The user is unknown or disabled, or the text cannot be a user's id.
    case userInvalid
    /// A client that may open sessions for any user named a user of this service by `sub`.
    case userIsLocal
    /// `auth_time` is in the future, or longer ago than a session may last.
    case authTimeInvalid
    case login(LoginFailure)
}

/// Opens a session without a password, for a client with the grant ``Client/session``.
package struct OpenTrustedSession {
    package typealias Completion = @Sendable (Result<OpenedSession, TrustedLoginFailure>) -> Void

    private let context: LoopContext
    private var state: AuthState { context.authState }

    package init(_ context: LoopContext) {
        self.context = context
    }

    /// Checks everything, signs the tokens, and records the session before the client gets its identifier.
    ///
    /// - Parameters:
    ///   - onLoop: runs a closure on the thread of the event loop with its context, if the source of accounts answers later.
    ///   - then: called once, on any thread, unless this throws.
    package func begin(
        _ login: TrustedLogin, by client: Client, at now: UnixMilliseconds,
        onLoop: @escaping @Sendable (@escaping @Sendable (LoopContext) -> Void) -> Void,
        then: @escaping Completion
    ) throws(TrustedLoginFailure) {
        guard client.grants.contains(Client.session) else { throw .grantNotAllowed }
        let audience = login.audience ?? state.settings.audiences[0]
        guard state.settings.audiences.contains(audience), client.mayUse(audience: audience) else {
            throw .login(.audienceInvalid)
        }
        let authTime = try authTime(login.authTime, at: now.seconds)
        guard state.revocations.takesEverything else {
            state.counters.logins.add(.unavailable)
            throw .login(.unavailable)
        }
        guard SessionTokens(context).canSign(audience: audience, client: client, at: now) else {
            state.counters.logins.add(.unavailable)
            throw .login(.signingUnavailable("no key signs the tokens of this session"))
        }
        // Before the account is read, so that a later revocation of the account's sessions includes this one.
        let deviceID = login.device == nil ? nil : state.revocations.identifiers.next()
        let sid = state.revocations.identifiers.next()
        let birth = state.revocations.birth
        let pending = PendingTrustedLogin(
            login: login, client: client, audience: audience, authTime: authTime, sid: sid, birth: birth,
            deviceID: deviceID,
            state: state, then: then)
        switch login.who {
        case .username(let name):
            let answer = state.accounts.user(named: name) { found in onLoop { pending.finish(found, in: $0) } }
            if case .now(let user) = answer { try pending.open(user, in: context) }
        case .subject(let id) where client.opensForAnyUser:
            try pending.open(external: id, in: context)
        case .subject(let id):
            guard let id = UUID(id) else { throw pending.refuse(.userInvalid) }
            let answer = state.accounts.user(id: id) { found in onLoop { pending.finish(found, in: $0) } }
            if case .now(let user) = answer { try pending.open(user, in: context) }
        }
    }

    /// The session ends with the longest session that began at this time.
    private func authTime(_ named: UnixSeconds?, at now: UnixSeconds) throws(TrustedLoginFailure) -> UnixSeconds {
        guard let named else { return now }
        guard named <= now.adding(seconds: state.settings.leeway),
            now.seconds(since: named) < state.settings.sessionMax
        else { throw .authTimeInvalid }
        return min(named, now)
    }

    /// Returns the tokens, unless the account or the client changed since the session was recorded.
    package func complete(_ opened: OpenedSession) throws(TrustedLoginFailure) -> TokenPair {
        do throws(LoginFailure) {
            return try OpenSession(context).complete(opened)
        } catch {
            throw TrustedLoginFailure(error)
        }
    }
}

extension TrustedLoginFailure {
    fileprivate init(_ failure: LoginFailure) {
        self = failure == .credentialsInvalid ? .userInvalid : .login(failure)
    }
}

/// A session that waits for its user.
private struct PendingTrustedLogin: Sendable {
    let login: TrustedLogin
    let client: Client
    let audience: String
    let authTime: UnixSeconds
    let sid: UUID
    let birth: UInt64?
    /// The identifier of the device token to issue.
    let deviceID: UUID?
    let state: AuthState
    let then: OpenTrustedSession.Completion

    /// For a source of accounts that answers later.
    func finish(_ found: Result<User?, AccountSourceError>, in context: LoopContext) {
        do throws(TrustedLoginFailure) {
            let user: User?
            do throws(AccountSourceError) { user = try found.get() } catch {
                state.counters.logins.add(.unavailable)
                throw .login(.internalFault("accounts: \(error.reason)"))
            }
            try open(user, in: context)
        } catch {
            then(.failure(error))
        }
    }

    func open(_ user: User?, in context: LoopContext) throws(TrustedLoginFailure) {
        guard let user, !user.isDisabled else { throw refuse(.userInvalid) }
        try open(user, externalSubject: nil, in: context)
    }

    /// - Parameter id: the client's own id of the user. The id of a user of this service is rejected: a client whose users
    ///   choose their ids would otherwise give them the sessions of others.
    func open(external id: String, in context: LoopContext) throws(TrustedLoginFailure) {
        guard Names.isExternalID(id) else { throw refuse(.userInvalid) }
        if let local = UUID(id), state.accounts.index.current.standing(of: local) != nil { throw refuse(.userIsLocal) }
        try open(
            ExternalUsers.user(of: client), externalSubject: ExternalUsers.subject(id, of: client), in: context)
    }

    private func open(
        _ user: User, externalSubject: String?, in context: LoopContext
    ) throws(TrustedLoginFailure) {
        let allowed = Scope(names: user.scopes.filter { client.mayUse(scope: $0) })
        let scope = login.scope ?? allowed
        guard scope.isWithin(allowed) else { throw .login(.scopeInvalid) }
        let grant = LoginGrant(
            user: user, scope: scope, audience: audience, client: client, sid: sid, birth: birth,
            deviceID: externalSubject == nil ? deviceID : nil, device: login.device, address: login.address,
            externalSubject: externalSubject, methods: login.methods, authTime: authTime)
        do throws(LoginFailure) {
            try OpenSession(context).open(grant, at: state.clock.now) { [then] result in
                then(result.mapError { TrustedLoginFailure($0) })
            }
        } catch {
            throw TrustedLoginFailure(error)
        }
    }

    func refuse(_ failure: TrustedLoginFailure) -> TrustedLoginFailure {
        state.counters.logins.add(.refused)
        return failure
    }
}
