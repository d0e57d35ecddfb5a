import Accounts
import Dispatch
import Encoding
import Glibc
import Platform
import Revocation
@testable import Service
import Testing
import Tokens

/// Users of another service: an index in memory, and lookups that another thread answers.
private final class RemoteAccounts: AccountSource {
    let index: Published<PublishedIndex>
    let user: User
    let stored = Mutable<[String]>([])
    let isReachable = Mutable(true)
    private let queue = DispatchQueue(label: "remote accounts")

    init(_ user: User) {
        self.user = user
        index = Published(.other(RemoteIndex(user.id, user.standing)))
    }

    func user(named name: String, later: @escaping Completion) -> AccountAnswer {
        answer(name == user.name ? user : nil, later)
    }

    func user(id: UUID, later: @escaping Completion) -> AccountAnswer {
        answer(id == user.id ? user : nil, later)
    }

    private func answer(_ found: User?, _ later: @escaping Completion) -> AccountAnswer {
        queue.async { [isReachable] in
            later(isReachable.value ? .success(found) : .failure(AccountSourceError(reason: "no connection")))
        }
        return .later
    }

    func noteSession(_ sid: Encoding.UUID, of user: Encoding.UUID, _ standing: User.Standing, hasDevice: Bool) {}

    func storeHash(_ hash: String, of user: User) throws { stored.change { $0.append(hash) } }

    func replacePassword(with hash: String, of user: User) throws(AccountSourceError) -> User? {
        stored.change { $0.append(hash) }
        var user = user
        user.passwordHash = hash
        return user
    }
}

private final class RemoteIndex: AccountIndex {
    private let user: UUID
    private let standing: User.Standing

    init(_ user: UUID, _ standing: User.Standing) {
        self.user = user
        self.standing = standing
    }

    func standing(of id: UUID) -> User.Standing? { id == user ? standing : nil }
    func name(of id: UUID) -> String? { nil }
    func id(named name: String) -> UUID? { nil }
    var count: Int { 1 }
}

@Suite("Users of a source that answers later")
struct AccountSourceTests {
    private let accounts: RemoteAccounts
    private let portal: Client
    private let office: Office

    init() throws {
        accounts = RemoteAccounts(try Office.user("alice"))
        portal = Client(
            id: "portal", secretHashes: [[UInt8](repeating: 7, count: 32)], grants: [Client.session])
        office = try Office(users: UserDirectory(), clients: try ClientDirectory().adding(portal), source: accounts)
    }

    @Test func `log in, verify, refresh and log out`() throws {
        let pair = try office.login(office.attempt("alice"))
        #expect(try office.verify(pair.accessToken).sid == pair.sid)
        let next = try office.refresh(pair.refreshToken)
        #expect(!next.isReplay && next.pair.scope == "read write")
        #expect(try office.refresh(pair.refreshToken).pair.accessToken == next.pair.accessToken)
        let session = try EndSessions(office.context).session(
            ofRefresh: next.pair.refreshToken.span, for: .local, at: office.wall.value)
        try office.durably { (done) throws(LogoutFailure) in
            try EndSessions(office.context).end(session, .local, done: done)
        }
        #expect(office.rejection(next.pair.accessToken) == .revoked(.session))
        #expect(throws: RefreshFailure.revoked(.session)) { try office.refresh(next.pair.refreshToken) }
    }

    @Test(arguments: [true, false])
    func `a client opens a session, whose tokens the event loop signs`(_ isReachable: Bool) throws {
        accounts.isReachable.change { $0 = isReachable }
        let seq = office.authState.revocations.sequence
        let result = Mutable<Result<OpenedSession, TrustedLoginFailure>?>(nil)
        let waiting = Mutable<[@Sendable (LoopContext) -> Void]>([])
        let arrived = DispatchSemaphore(value: 0)
        let login = TrustedLogin(who: .username("alice"), scope: nil, audience: nil, methods: ["hwk"], authTime: nil)
        try OpenTrustedSession(office.context).begin(
            login, by: portal, at: office.wall.value,
            onLoop: { body in
                waiting.change { $0.append(body) }
                arrived.signal()
            }
        ) { outcome in
            result.change { $0 = outcome }
            arrived.signal()
        }
        arrived.wait()
        #expect(waiting.value.count == 1 && office.authState.revocations.sequence == seq)
        for body in waiting.value { body(office.context) }
        arrived.wait()
        let outcome = try #require(result.value)
        guard isReachable else {
            #expect(throws: TrustedLoginFailure.login(.internalFault("accounts: no connection"))) { try outcome.get() }
            #expect(office.authState.revocations.sequence == seq)
            return
        }
        let pair = try OpenTrustedSession(office.context).complete(try outcome.get())
        #expect(try office.verify(pair.accessToken).sid == pair.sid && office.authState.revocations.sequence > seq)
        #expect(try !office.refresh(pair.refreshToken, client: portal).isReplay)
    }

    @Test func `change a password`() throws {
        let (kept, other) = (try office.login(office.attempt("alice")), try office.login(office.attempt("alice")))
        let change = PasswordChange(
            session: try ChangePassword(office.context).session(of: kept.accessToken.span, at: office.wall.value),
            current: Secret(Array(Office.password.utf8)), new: Secret(Array("another password".utf8)),
            source: .address(1))
        let result = Mutable<Result<LedgerPosition, PasswordFailure>?>(nil)
        let arrived = DispatchSemaphore(value: 0)
        try ChangePassword(office.context).begin(change, at: office.wall.value) { outcome in
            result.change { $0 = outcome }
            arrived.signal()
        }
        arrived.wait()
        #expect(try (result.value?.get().seq ?? 0) > 0 && accounts.stored.value.count == 1)
        #expect(office.rejection(kept.accessToken) == nil)
        #expect(office.rejection(other.accessToken) == .revoked(.subject))
    }

    @Test func `an unknown user costs a password hash`() throws {
        #expect(throws: LoginFailure.credentialsInvalid) { try office.login(office.attempt("bob")) }
        #expect(office.hashes.value == [try Office.cost()])
    }

    @Test func `an index that disables a user ends the sessions at once`() throws {
        let pair = try office.login(office.attempt("alice"))
        let grant = try office.judged(office.attempt("alice"))
        var user = accounts.user
        user.isDisabled = true
        accounts.index.replace(with: .other(RemoteIndex(user.id, user.standing)))
        #expect(office.rejection(pair.accessToken) == .accountEnded)
        #expect(throws: RefreshFailure.accountEnded) { try office.refresh(pair.refreshToken) }
        #expect(throws: LoginFailure.credentialsInvalid) { try office.open(grant) }
    }

    @Test func `a source that cannot be reached uses up no token and no attempt`() throws {
        let pair = try office.login(office.attempt("alice"))
        accounts.isReachable.change { $0 = false }
        for _ in 0..<5 {
            #expect(throws: LoginFailure.internalFault("accounts: no connection")) {
                try office.login(office.attempt("alice"))
            }
        }
        #expect(throws: RefreshFailure.internalFault("accounts: no connection")) {
            try office.refresh(pair.refreshToken)
        }
        #expect(try office.verify(pair.accessToken).sid == pair.sid)
        accounts.isReachable.change { $0 = true }
        #expect(try !office.refresh(pair.refreshToken).isReplay)
        _ = try office.login(office.attempt("alice"))
    }

    @Test func `a weak hash is replaced at the source`() throws {
        let weak = try #require(Argon2Parameters(memoryKiB: 32, passes: 1, lanes: 1))
        let hasher = PasswordHasher(parameters: weak) { password, _, _, count in Office.tag(password, count) }
        let hash = try hasher.hash(Array(Office.password.utf8), salt: [UInt8](repeating: 1, count: 16))
        let accounts = RemoteAccounts(try Office.user("alice", stored: hash))
        let office = try Office(users: UserDirectory(), clients: ClientDirectory(), source: accounts)
        _ = try office.login(office.attempt("alice"))
        // The new hash is computed after the answer.
        while accounts.stored.value.isEmpty { usleep(1_000) }
        #expect(accounts.stored.value.count == 1 && accounts.stored.value[0] != hash)
    }
}
