package import API
import Accounts
import CLinux
import Glibc
package import HTTP
import Journal
import Octets
package import OpenSSL
import Revocation
import Service
package import Telemetry
import Token

/// Why the service cannot start: one message that names the file, line or variable and what is expected.
package struct StartFault: Error, Sendable, CustomStringConvertible {
    package let description: String

    package init(description: String) {
        self.description = description
    }
}

/// The object graph of a running service.
package final class Graph: Sendable {
    package let shared: ApplicationShared
    package let connections: ConnectionCounters
    package let log: Log
    /// What secure listeners show.
    package let identity: TLSIdentity?
    private let housekeeper: Housekeeper
    private let accessLog: AccessLogWriter?

    /// Reads everything first and changes nothing on disk before all of it is right.
    ///
    /// - Parameter takeOver: called when only the journal is missing; whether a predecessor is about to let go of it.
    package init(
        _ configuration: Configuration, log: Log, takeOver: () throws(StartFault) -> Bool = { false }
    ) throws(StartFault) {
        let files = AccountFiles(configuration)
        let users = try files.users()
        let clients = try files.clients()
        let keys = KeyDirectory(path: configuration.keysPath)
        let present = try Self.keyring(keys)
        if let present { try Self.checkSigners(present, configuration, clients) }
        let provided = try Self.providedTLS(configuration)
        let accessLog = try Self.accessLog(configuration, log)
        if try takeOver() { try Self.awaitJournal(configuration) }
        let revocations = try Self.revocations(configuration, log)
        let context = if let provided { provided } else { try Self.selfSignedTLS(configuration, log) }
        let keyring =
            if let present { present } else {
                try Self.firstKeyring(keys, configuration.realm.neededAlgorithms(for: clients), log)
            }
        let realm = try Self.realm(
            configuration, users: users, clients: clients, keyring: keyring, revocations: revocations, files: files,
            log: log)
        let connections = ConnectionCounters()
        let identity = context.map { TLSIdentity($0) }
        let keeper = KeyKeeper(directory: keys, realm: realm, schedule: configuration.keySchedule)
        try keeper.takeUp(stamp: keys.stamp())
        let loginSources = LoginSources()
        let housekeeper = Housekeeper(
            realm: realm, files: files, keys: keeper, tls: configuration.tls, identity: identity,
            sighting: SightingFile(state: configuration.statePath),
            everySecond: { [loginSources] in Self.say(loginSources, log) })
        let settings = Setting.allCases.map { $0.openAPIText }
        shared = ApplicationShared(
            realm: realm, connections: connections, accessLog: accessLog?.accessLog,
            openAPI: Array(OpenAPIDocument(version: Version.text, settings: settings).text.utf8),
            monotonic: MonotonicClock.nanoseconds,
            random: { Random.next64() }, loginSources: loginSources, unreadiness: { housekeeper.unreadiness })
        self.connections = connections
        self.log = log
        self.identity = identity
        self.housekeeper = housekeeper
        self.accessLog = accessLog
        try accessLog?.start()
        housekeeper.noteSighting()
        try housekeeper.start()
        try housekeeper.startCompaction()
    }

    /// Reads accounts, keys and certificates again now and opens the access log anew, as SIGHUP asks.
    package func reload() {
        accessLog?.reopen()
        housekeeper.reload()
    }

    /// Ends the housekeeping and the journal; everything acknowledged is on disk.
    package func close() {
        housekeeper.stop()
        shared.realm.hashing.close()
        housekeeper.noteSighting()
        shared.realm.revocations.close()
        accessLog?.stop()
    }

    private static func accessLog(_ configuration: Configuration, _ log: Log) throws(StartFault) -> AccessLogWriter? {
        guard let target = configuration.accessLog else { return nil }
        return try AccessLogWriter(target, share: configuration.accessLogShare, log: log)
    }

    /// - Returns: `nil` while there are no keys.
    private static func keyring(_ keys: KeyDirectory) throws(StartFault) -> Keyring? {
        do throws(KeyDirectoryFault) {
            return try keys.isEmpty() ? nil : keys.load(now: SystemClock.wall.now)
        } catch {
            throw StartFault(description: error.description)
        }
    }

    /// Says before the first login fails that there is nothing to sign with.
    private static func checkSigners(
        _ keyring: Keyring, _ configuration: Configuration, _ clients: ClientDirectory
    ) throws(StartFault) {
        let missing = configuration.realm.missingSigners(in: keyring, for: clients, at: SystemClock.wall.now)
        guard !missing.isEmpty else { return }
        throw .signersMissing(missing, keysPath: configuration.keysPath)
    }

    private static func firstKeyring(
        _ keys: KeyDirectory, _ algorithms: [Algorithm], _ log: Log
    ) throws(StartFault) -> Keyring {
        do throws(KeyDirectoryFault) {
            let now = SystemClock.wall.now
            let names = try keys.fill(algorithms, now: now)
            log.write(.info, "keys_created") { $0.add("files", names.joined(separator: " ")) }
            return try keys.load(now: now)
        } catch {
            throw StartFault(description: error.description)
        }
    }

    /// The pair that the settings name.
    private static func providedTLS(_ configuration: Configuration) throws(StartFault) -> TLSContext? {
        guard let tls = configuration.tls, !tls.isSelfSigned else { return nil }
        return try tls.load(now: SystemClock.wall.now)
    }

    private static func selfSignedTLS(_ configuration: Configuration, _ log: Log) throws(StartFault) -> TLSContext? {
        guard let tls = configuration.tls, tls.isSelfSigned else { return nil }
        let now = SystemClock.wall.now
        if try tls.fill(now: now) {
            log.write(.info, "tls_pair_created") { $0.add("certificate", tls.certificatePath) }
        }
        return try tls.load(now: now)
    }

    /// Waits until the predecessor, which finishes what it has in flight, holds the journal no longer.
    private static func awaitJournal(_ configuration: Configuration) throws(StartFault) {
        // Its drain begins with a second's notice; the rest is for closing a large journal on a slow disk.
        let until = MonotonicClock.nanoseconds() + (configuration.drainTimeout + 30) * 1_000_000_000
        while true {
            do throws(JournalFault) {
                let storage = DirectoryStorage(path: configuration.statePath)
                try storage.lock()
                return storage.unlock()
            } catch {
                guard case .locked = error, MonotonicClock.nanoseconds() < until else {
                    throw StartFault(description: error.description)
                }
                usleep(5_000)
            }
        }
    }

    private static func revocations(_ configuration: Configuration, _ log: Log) throws(StartFault) -> RevocationStore {
        let store: RevocationStore
        do {
            var options = RevocationOptions(
                directory: configuration.statePath, grace: configuration.refreshGrace,
                sessionMax: configuration.realm.sessionMax * 1_000, clock: SystemClock.wall,
                monotonicNow: { MonotonicClock.nanoseconds() / 1_000_000 }, random: { Random.next64() })
            options.observe = { Self.say($0, log) }
            options.reserveByteCount = 256 << 10
            options.sighting = try SightingFile(state: configuration.statePath).read()
            store = try RevocationStore.open(options)
        } catch {
            throw StartFault(description: "\(error)")
        }
        log.write(.info, "journal_replayed") { line in
            line.add("state", configuration.statePath)
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

    private static func realm(
        _ configuration: Configuration, users: UserDirectory, clients: ClientDirectory, keyring: Keyring,
        revocations: RevocationStore, files: AccountFiles, log: Log
    ) throws(StartFault) -> Realm {
        let hashing: HashingPool
        do {
            let workers = hashWorkers(configuration, users, log)
            hashing = try HashingPool(workers: workers, queueCountMax: configuration.hashQueue)
        } catch {
            throw StartFault(description: "\(error)")
        }
        let throttle = LoginThrottle(
            account: .init(failureCountMax: Int64(configuration.loginAccountFailures), refillMilliseconds: 30_000),
            source: .init(failureCountMax: Int64(configuration.loginSourceFailures), refillMilliseconds: 3_000),
            key: (Random.next64(), Random.next64()))
        return Realm(
            settings: configuration.realm, keyring: Published(keyring), users: Published(users),
            clients: Published(clients),
            revocations: revocations, passwords: PasswordHasher(parameters: configuration.argon2), hashing: hashing,
            throttle: throttle, clock: SystemClock.wall, monotonic: { MonotonicClock.nanoseconds() / 1_000_000 },
            log: log, random: { Random.bytes($0) },
            storeHash: files.storeHash)
    }
}

extension Graph {
    /// Fewer workers than the settings ask for, where their memory together would come near the control group's limit.
    private static func hashWorkers(_ configuration: Configuration, _ users: UserDirectory, _ log: Log) -> Int {
        let wanted = configuration.hashWorkers
        let limit = configuration.memoryLimit
        let stored = limit == nil ? 0 : users.users.reduce(0) { max($0, PasswordHasher.memory(of: $1.passwordHash)) }
        let memory = HashMemory(wanted: wanted, parameters: configuration.argon2, stored: stored, limit: limit)
        if memory.isTight, let limit {
            log.write(.warning, "hash_workers_reduced") { line in
                line.add("wanted", wanted)
                line.add("workers", memory.workers)
                line.add("bytes_each", memory.each)
                line.add("memory_limit", limit)
                line.add(
                    "remedy",
                    "password hashing gets half of the memory limit: raise the limit, or lower MARTLET_HASH_WORKERS or MARTLET_ARGON2_MEMORY"
                )
            }
        }
        return memory.workers
    }

    private static func say(_ sources: LoginSources, _ log: Log) {
        guard let finding = sources.finding(at: MonotonicClock.nanoseconds() / 1_000_000) else { return }
        log.write(.warning, "logins_from_one_address") { line in
            line.add("address", finding.address.description)
            line.add("count", finding.count)
            line.add(
                "remedy",
                "every login of the last minute came from this private address: if it is a proxy, name it in MARTLET_TRUSTED_PROXIES and have it send X-Forwarded-For; if it is a backend, have it authenticate as a client and send source"
            )
        }
    }
}
