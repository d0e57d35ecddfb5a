import API
import Accounts
import Dispatch
import Encoding
import Foundation
import HTTP
import JOSE
import Journal
import Keys
import OpenSSL
import Platform
import Revocation
import Service
import Synchronization
import Telemetry
import Tokens

/// One service in memory: its clocks, its disk and its accounts are the test's.
final class World {
    static let start: UnixMilliseconds = 1_800_000_000_000
    static let issuer = "https://auth.example"
    static let password = "correct horse"
    static let secret = "s3cret&=+ %/ü"

    static let rs256 = made(.rs256, .access)
    static let hs256 = made(.hs256, .access)
    static let refresh = made(.hs256, .refresh)
    /// As little memory as RFC 9106 allows, so that a login costs a test no time.
    static let hasher = PasswordHasher(parameters: cost(passes: 2))
    static let hash = hashed(passes: 2)
    /// Of yesterday's parameters.
    static let weakHash = hashed(passes: 1)

    let clock = Time()
    let journal = MemoryJournal()
    let log = Lines()
    let hashes = Lines()
    let usersFile = UsersFile()
    let authState: AuthState
    let shared: ApplicationShared
    let connections = ConnectionCounters()
    let reloads = ReloadStatus()
    let application: Application
    private let publisher: FeedPublisher?
    private let publisherThread: Platform.Thread?

    init(
        account: LoginThrottle.Limit = .init(failureCountMax: 3, refillMilliseconds: 30_000),
        source: LoginThrottle.Limit = .off,
        keys: [Key] = [rs256, hs256, refresh], routes: RouteTable = .standard,
        browser: Browser? = World.browser, feed access: FeedAccess? = .clients,
        followed: FollowedFeed? = nil, data: MemorySessionData? = nil, store: StoreStatus? = nil,
        isShared: Bool = false,
        _ adjust: (inout AuthSettings) -> Void = { _ in }
    ) throws {
        let clock = clock
        let wall = WallClock { clock.now }
        var options = RevocationOptions(
            storage: journal, grace: 10_000, sessionMax: 90 * 86_400_000, clock: wall,
            monotonicNow: { clock.now.milliseconds(since: Self.start) }, random: { Random.next64() })
        if isShared { options.ledger = SharedLedgerSource(options.ledger) }
        options.entries = .kept(idle: 14 * 86_400_000)
        let feed = access.map { _ in RevocationFeed(now: clock.now) }
        options.feed = feed
        let revocations = try RevocationStore.open(options)
        let log = log
        let (hashes, usersFile) = (hashes, usersFile)
        var settings = AuthSettings(
            issuer: Self.issuer, audiences: ["api", "billing", "shared"], algorithm: .rs256,
            sharedSecretAudiences: ["shared"],
            extraClaims: ["team"], accessLifetime: 600, refreshIdle: 14 * 86_400, sessionMax: 90 * 86_400, leeway: 0)
        adjust(&settings)
        let logger = Log(level: .debug, form: .json, clock: wall) { log.add(String(decoding: $0, as: UTF8.self)) }
        let users = try Self.users()
        usersFile.content = users
        let accounts = FileAccountSource(
            users, revocations: revocations, clock: wall, log: logger,
            storeHash: { user, hash in hashes.add("\(user.name) \(hash)") },
            replaceHash: { (id, hash, isExpected) throws(AccountsError) in
                try usersFile.replaceHash(of: id, hash, isExpected)
            })
        authState = AuthState(
            settings: settings, keyring: Published(try Keyring(keys)), accounts: accounts,
            clients: Published(try Self.clients()), revocations: revocations, passwords: Self.hasher,
            hashing: try HashingPool(workers: 1, places: .logins(1)) { 0 },
            throttle: LoginThrottle(account: account, source: source, key: (1, 2)), clock: wall,
            monotonic: { clock.now.milliseconds(since: Self.start) },
            log: logger, random: { Random.bytes($0) }, passwordRules: PasswordRules(characterCountMin: 8),
            followed: followed, store: store, sessionData: data)
        data?.revocations = revocations
        let state = authState
        publisher = access.flatMap { access in
            feed.map { feed in
                let maker = MakeSnapshot(state, directory: NSTemporaryDirectory())
                let snapshots = FeedSnapshots(monotonic: state.monotonic) { previous in
                    do throws(SnapshotFailure) {
                        return .success(try maker.make(after: previous))
                    } catch {
                        return .failure(error)
                    }
                }
                return FeedPublisher(feed: feed, access: access, issuer: settings.issuer, snapshots: snapshots) {
                    clock.now.count * 1_000_000
                }
            }
        }
        shared = ApplicationShared(
            authState: authState, connections: connections, openAPI: Array("openapi: 3.1.0\n".utf8),
            monotonic: { clock.now.count * 1_000_000 + clock.tick() }, random: { 0x0123_4567_89ab_cdef },
            reloads: reloads,
            process: ProcessFacts(
                version: "1.2.3", pid: 42, startedAt: Self.start, paths: [(name: "keys", path: "/k")]),
            appliedKeys: { keys.map { AppliedKey(key: $0, state: .signing) } }, endpoints: routes.endpoints,
            browser: browser, feed: publisher)
        if let publisher {
            let thread = Platform.Thread.self
            publisherThread = try thread.init(name: "feed") { publisher.run() }
        } else {
            publisherThread = nil
        }
        application = try Application(shared: shared, routes: routes)
    }

    deinit {
        publisher?.stop()
        publisherThread?.join()
        authState.hashing.close()
        authState.revocations.close()
    }

    /// Has the application answer, and waits for an answer that comes later.
    func send(_ ask: Ask) -> Answer { start(ask)() }

    /// Hands the request over; what this returns waits for the answer.
    func start(_ ask: Ask) -> () -> Answer {
        let loop = Loop()
        var response = Response()
        let request = ask.laidOut()
        switch application.handle(request, &response, Exchange(loop: loop, ticket: 1)) {
        case .deferred, .waiting: break
        case .answered, .streaming:
            let answer = Answer(response)
            return { answer }
        }
        return { [application] in
            var response = Response()
            loop.wait(application)(application, &response)
            return Answer(response)
        }
    }

    func refuse(_ fault: RequestError) -> Answer {
        var response = Response()
        application.refuse(fault, from: .local, over: Channel(), &response)
        return Answer(response)
    }

    private static func cost(passes: Int) -> Argon2Parameters {
        guard let cost = Argon2Parameters(memoryKiB: 8, passes: passes, lanes: 1) else {
            preconditionFailure("too cheap")
        }
        return cost
    }

    private static func hashed(passes: Int) -> String {
        do {
            let salt = [UInt8](repeating: 7, count: PasswordHasher.saltByteCount)
            return try PasswordHasher(parameters: cost(passes: passes)).hash(Array(password.utf8), salt: salt)
        } catch {
            preconditionFailure("\(error)")
        }
    }

    private static let keys = Dictionary(uniqueKeysWithValues: Algorithm.allCases.map { ($0, made($0, .access)) })

    /// The same key each time, since RSA pairs take long to find; ``made(_:_:at:)`` gives a new one.
    static func key(_ algorithm: Algorithm) -> Key {
        guard let key = keys[algorithm] else { preconditionFailure("\(algorithm)") }
        return key
    }

    static func made(_ algorithm: Algorithm, _ purpose: Key.Purpose, at time: UnixMilliseconds = start) -> Key {
        do {
            return try Key.generate(algorithm, purpose: purpose, createdAt: time)
        } catch {
            preconditionFailure("\(error)")
        }
    }
}

/// What both clocks say.
final class Time: Sendable {
    private let milliseconds = Atomic<Int64>(World.start.count)

    var now: UnixMilliseconds { UnixMilliseconds(milliseconds.load(ordering: .relaxed)) }
    var seconds: Int64 { now.seconds.count }

    /// How many nanoseconds pass each time that the monotonic clock is read.
    let step = Atomic<Int64>(0)
    private let ticks = Atomic<Int64>(0)

    func tick() -> Int64 { ticks.wrappingAdd(step.load(ordering: .relaxed), ordering: .relaxed).newValue }

    func advance(_ seconds: Int64) { milliseconds.wrappingAdd(seconds * 1_000, ordering: .relaxed) }
}

/// Lines that arrive on any thread.
final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    func add(_ line: String) { lines.withLock { $0.append(line) } }

    var all: [String] { lines.withLock { $0 } }

    /// The members of each line of that event.
    func events(_ name: String) -> [[String: Any]] {
        all.compactMap { (try? JSONSerialization.jsonObject(with: Data($0.utf8))) as? [String: Any] }
            .filter { $0["event"] as? String == name }
    }
}

extension AuthState {
    /// The users, which every test reads from a directory.
    var users: FileAccountSource {
        guard let source = accounts as? FileAccountSource else { preconditionFailure("users of another source") }
        return source
    }
}

/// The loop's side of one deferred answer.
final class Loop: ExchangeLoop {
    typealias Write = @Sendable (any Handler, inout Response) -> Void

    private enum Step: Sendable {
        case write(Write)
        case work(@Sendable (any Handler) -> Void)
    }

    private let steps = Mutex<[Step]>([])
    private let arrived = DispatchSemaphore(value: 0)

    func resume(_ ticket: UInt64, _ write: @escaping Write) {
        steps.withLock { $0.append(.write(write)) }
        arrived.signal()
    }

    func perform(_ body: @escaping @Sendable (any Handler) -> Void) {
        steps.withLock { $0.append(.work(body)) }
        arrived.signal()
    }
    func serve(_: ResponseStream) {}

    /// Does the work that comes before the answer.
    func wait(_ handler: any Handler) -> Write {
        while true {
            guard arrived.wait(timeout: .now() + 30) == .success else { preconditionFailure("no answer came") }
            switch steps.withLock({ $0.removeFirst() }) {
            case .write(let write): return write
            case .work(let body): body(handler)
            }
        }
    }
}
