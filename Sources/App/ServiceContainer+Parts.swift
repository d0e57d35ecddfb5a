import Accounts
import Glibc
import Journal
import Keys
import OpenSSL
import Platform
import Revocation
import Service
import Store
import Telemetry

extension ServiceContainer {
    /// - Returns: nil for a server with its own journal.
    static func store(_ configuration: Configuration, _ engines: (any StoreEngineSource)?, _ log: Log) -> StoreParts? {
        guard let engines, let connection = configuration.store.connection else { return nil }
        return StoreParts(configuration, connection, engines, log)
    }

    static func revocations(_ configuration: Configuration, _ log: Log) throws(StartError) -> RevocationStore {
        try MovedJournal(configuration.journal.statePath).check()
        let highWaterMarks = try RollbackGuard(configuration).read()
        let store: RevocationStore
        do throws(JournalError) {
            var journal = FileLedgerSource(
                directory: configuration.journal.statePath, clock: SystemClock.wall, random: { Random.next64() })
            journal.observe = { Self.say($0, log) }
            journal.reserveByteCount = 256 << 10
            journal.highWaterMarks = highWaterMarks
            let auth = configuration.tokens.auth
            var options = RevocationOptions(
                ledger: journal, grace: configuration.tokens.refreshGrace, sessionMax: auth.sessionMax * 1_000,
                clock: SystemClock.wall, monotonicNow: { MonotonicClock.nanoseconds() / 1_000_000 },
                random: { Random.next64() })
            options.feed = configuration.feed.access.map { _ in RevocationFeed(now: SystemClock.wall.now) }
            options.entries = auth.sessionList == nil ? .dropped : .kept(idle: auth.refreshIdle * 1_000)
            store = try RevocationStore.open(options)
        } catch {
            throw StartError(error)
        }
        log.write(.info, "journal_replayed") { line in
            line.add("state", configuration.journal.statePath)
            line.add("records", store.startReport.journal.recordCount)
            line.add("torn_octets", store.startReport.journal.tornByteCount)
            line.add("milliseconds", store.startReport.durationMilliseconds)
        }
        return store
    }

    private static func say(_ event: JournalEvent, _ log: Log) {
        switch event {
        case .rewritten(let reason): log.write(.error, "journal_write_failed") { $0.add("reason", reason) }
        case .unwritable(let reason): log.write(.error, "journal_unwritable") { $0.add("reason", reason) }
        case .healed: log.write(.warning, "journal_healed")
        case .reserveUsed(let reason): log.write(.error, "journal_reserve_used") { $0.add("reason", reason) }
        case .reserveHeld: log.write(.warning, "journal_reserve_held")
        case .reserveMissing(let reason): log.write(.warning, "journal_reserve_missing") { $0.add("reason", reason) }
        }
    }

    static func authState(
        _ configuration: Configuration, accounts: FileAccountSource, clients: ClientDirectory,
        keyring: Published<Keyring>,
        revocations: RevocationStore, log: Log, followed: FollowedFeed? = nil, store: StoreStatus? = nil
    ) throws(StartError) -> AuthState {
        let hashing: HashingPool
        do throws(AccountsError) {
            let workers = hashWorkers(configuration, accounts.current, log)
            hashing = try HashingPool(workers: workers, places: .logins(configuration.hashing.queue)) {
                MonotonicClock.nanoseconds() / 1_000_000
            }
        } catch {
            throw StartError(error)
        }
        let throttle = LoginThrottle(
            account: .init(
                failureCountMax: Int64(configuration.accounts.loginAccountFailures), refillMilliseconds: 30_000),
            source: .init(
                failureCountMax: Int64(configuration.accounts.loginSourceFailures), refillMilliseconds: 3_000),
            key: (Random.next64(), Random.next64()))
        return AuthState(
            settings: configuration.tokens.auth, keyring: keyring, accounts: accounts,
            clients: Published(clients),
            revocations: revocations, passwords: PasswordHasher(parameters: configuration.hashing.argon2),
            hashing: hashing,
            throttle: throttle, clock: SystemClock.wall, monotonic: { MonotonicClock.nanoseconds() / 1_000_000 },
            log: log, random: { Random.bytes($0) }, passwordRules: configuration.passwords.rules, followed: followed,
            store: store, sessionData: configuration.sessionData.isOn ? revocations.sessionData : nil)
    }
}
