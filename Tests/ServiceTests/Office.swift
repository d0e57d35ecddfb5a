import Accounts
import Dispatch
import Encoding
import Foundation
import Keys
import OpenSSL
import Platform
import Revocation
import Service
import Synchronization
import Telemetry
import Tokens

/// The use cases over a journal in a directory of its own, with clocks and a hash function of the test's.
final class Office {
    static let start: UnixMilliseconds = 1_800_000_000_000
    static let password = "correct horse"

    let wall = Mutable(start)
    let monotonic = Mutable<Int64>(5_000_000)
    /// The cost of each hash that was computed, in the order in which they were asked for.
    let hashes = Mutable<[Argon2Parameters]>([])
    /// Stronger hashes that were stored, with the user's name.
    let stored = Mutable<[String]>([])
    let authState: AuthState
    let context: LoopContext
    private let directory = FileManager.default.temporaryDirectory.appendingPathComponent("office-\(Foundation.UUID())")

    /// - Parameters:
    ///   - failures: that an account has; no more are free while a test runs.
    ///   - queue: logins that may wait for the one worker.
    ///   - shared: audiences whose tokens are signed with a shared secret.
    ///   - source: replaces `users`.
    init(
        failures: Int64 = 3, queue: Int = 8, keys: [Key]? = nil, audiences: [String] = ["api", "billing"],
        shared: Set<String> = [], users: UserDirectory, clients: ClientDirectory,
        source: (any AccountSource)? = nil
    ) throws {
        let (wall, monotonic, hashes) = (wall, monotonic, hashes)
        let clock = WallClock { wall.value }
        let revocations = try RevocationStore.open(
            RevocationOptions(
                directory: directory.path, grace: 10_000, sessionMax: 90 * 86_400_000, clock: clock,
                monotonicNow: { monotonic.value }, random: { Random.next64() }))
        let settings = AuthSettings(
            issuer: "https://auth.example", audiences: audiences, algorithm: .edDSA, sharedSecretAudiences: shared,
            extraClaims: [], accessLifetime: 600, refreshIdle: 14 * 86_400, sessionMax: 90 * 86_400, leeway: 0)
        let hasher = PasswordHasher(parameters: try Self.cost()) { (password, _, cost, count) throws(AccountsError) in
            hashes.change { $0.append(cost) }
            return Self.tag(password, count)
        }
        let log = Log(level: .error, form: .json, clock: clock) { _ in }
        let stored = stored
        let accounts = FileAccountSource(
            users, revocations: revocations, clock: clock, log: log,
            storeHash: { user, hash in stored.change { $0.append("\(user.name) \(hash)") } },
            replaceHash: { _, _, _ in users })
        authState = AuthState(
            settings: settings, keyring: Published(try Keyring(keys ?? Self.keys())), accounts: source ?? accounts,
            clients: Published(clients), revocations: revocations, passwords: hasher,
            hashing: try HashingPool(workers: 1, places: .logins(queue)) { 0 },
            throttle: LoginThrottle(
                account: .init(failureCountMax: failures, refillMilliseconds: 30_000), source: .off, key: (1, 2)),
            clock: clock, monotonic: { monotonic.value },
            log: log, random: { Random.bytes($0) }, passwordRules: PasswordRules(characterCountMin: 8))
        context = try LoopContext(authState: authState)
    }

    deinit {
        authState.hashing.close()
        authState.revocations.close()
        try? FileManager.default.removeItem(at: directory)
    }

    static func keys() throws -> [Key] {
        [
            try Key.generate(.edDSA, purpose: .access, createdAt: start),
            try Key.generate(.hs256, purpose: .refresh, createdAt: start),
        ]
    }

    static func cost() throws -> Argon2Parameters {
        guard let cost = Argon2Parameters(memoryKiB: 64, passes: 3, lanes: 1) else { throw CancellationError() }
        return cost
    }

    /// Stands for Argon2id: nobody's password by chance, and no time.
    static func tag(_ password: [UInt8], _ count: Int) -> [UInt8] {
        Array((SHA256.digest(password.span) + SHA256.digest(password.reversed().span)).prefix(count))
    }

    static func user(_ name: String, _ number: UInt64 = 1, disabled: Bool = false, stored: String? = nil) throws -> User
    {
        let hasher = PasswordHasher(parameters: try cost()) { password, _, _, count in tag(password, count) }
        let hash = try stored ?? hasher.hash(Array(password.utf8), salt: [UInt8](repeating: 1, count: 16))
        return User(
            id: UUID(high: 0x019a_0000_0000_7000, low: 1 << 63 | number), name: name, passwordHash: hash,
            scopes: ["read", "write"], isDisabled: disabled)
    }

    func attempt(_ name: String, _ password: String = password, client: Client? = nil) -> LoginAttempt {
        LoginAttempt(
            username: name, password: Secret(Array(password.utf8)), scope: nil, audience: nil, client: client,
            source: .address(1))
    }

    /// As an operator does by the key's name.
    func revoke(_ key: Key) {
        let done = DispatchSemaphore(value: 0)
        authState.revocations.cut(.key, name: Array(key.kid.utf8)) { _ in done.signal() }
        done.wait()
    }

    /// The whole login.
    func login(_ attempt: LoginAttempt) throws(LoginFailure) -> TokenPair {
        try open(try judged(attempt))
    }

    /// The rest of a login whose password was right.
    func open(_ grant: LoginGrant) throws(LoginFailure) -> TokenPair {
        let verdict = Mutable<Result<OpenedSession, LoginFailure>?>(nil)
        let arrived = DispatchSemaphore(value: 0)
        try OpenSession(context).open(grant, at: wall.value) { result in
            verdict.change { $0 = result }
            arrived.signal()
        }
        arrived.wait()
        guard let result = verdict.value else { preconditionFailure("no verdict came") }
        return try OpenSession(context).complete(try result.get())
    }

    /// The login up to where its password was looked at.
    func judged(_ attempt: LoginAttempt) throws(LoginFailure) -> LoginGrant {
        let verdict = Mutable<Result<LoginGrant, LoginFailure>?>(nil)
        let arrived = DispatchSemaphore(value: 0)
        context.applyChanges()
        try OpenSession(context).begin(attempt, at: wall.value) { result in
            verdict.change { $0 = result }
            arrived.signal()
        }
        arrived.wait()
        guard let result = verdict.value else { preconditionFailure("no verdict came") }
        return try result.get()
    }

    func refresh(
        _ token: [UInt8], scope: Scope? = nil, audience: String? = nil, client: Client? = nil
    ) throws(RefreshFailure) -> (pair: TokenPair, isReplay: Bool) {
        let outcome = Mutable<Result<PendingRefresh, RefreshFailure>?>(nil)
        let waiting = Mutable<[@Sendable (LoopContext) -> Void]>([])
        let arrived = DispatchSemaphore(value: 0)
        context.applyChanges()
        try RotateSession(context).begin(
            token.span, scope: scope, audience: audience, client: client, at: wall.value,
            onLoop: { body in
                waiting.change { $0.append(body) }
                arrived.signal()
            }
        ) { result in
            outcome.change { $0 = result }
            arrived.signal()
        }
        // This thread is the event loop.
        while true {
            arrived.wait()
            if let result = outcome.value { return try RotateSession(context).complete(try result.get()) }
            let bodies = waiting.value
            waiting.change { $0 = [] }
            for body in bodies { body(context) }
        }
    }
}

extension AuthState {
    /// The users, which every test reads from a directory.
    var users: FileAccountSource {
        guard let source = accounts as? FileAccountSource else { preconditionFailure("users of another source") }
        return source
    }
}

/// A value that a test changes while other threads read it.
final class Mutable<Value: Sendable>: Sendable {
    private let state: Mutex<Value>

    init(_ value: Value) { state = Mutex(value) }

    var value: Value { state.withLock { $0 } }

    func change(_ body: (inout Value) -> Void) { state.withLock { body(&$0) } }
}
