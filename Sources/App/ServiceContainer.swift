package import API
import Accounts
import CLinux
import Encoding
import Glibc
package import HTTP
import JOSE
import Journal
import Keys
package import OpenSSL
package import Platform
import Revocation
import Service
package import Store
package import Telemetry
import Tokens

/// The object graph of a running service.
package final class ServiceContainer: Sendable {
    package let shared: ApplicationShared
    package let connections: ConnectionCounters
    package let log: Log
    /// The TLS certificates of secure listeners.
    package let identity: TLSIdentity?
    private let housekeeper: MaintenanceJob
    private let accessLog: AccessLogWriter?
    /// Stops what follows another server.
    private let stopFollowing: @Sendable () -> Void

    /// What a start has made.
    struct Parts {
        var shared: ApplicationShared
        var log: Log
        var identity: TLSIdentity?
        var housekeeper: MaintenanceJob
        var accessLog: AccessLogWriter?
        var stopFollowing: @Sendable () -> Void = {}
    }

    init(_ parts: Parts) {
        shared = parts.shared
        connections = parts.shared.connections
        log = parts.log
        identity = parts.identity
        housekeeper = parts.housekeeper
        accessLog = parts.accessLog
        stopFollowing = parts.stopFollowing
    }

    /// Reads everything first, and changes nothing on disk until all of it is valid.
    ///
    /// - Parameters:
    ///   - engines: the engine of the settings; nil for a server with its own journal.
    ///   - now: for the check that the clock is set.
    ///   - takeOver: called when only the journal is missing; returns whether a predecessor is about to close it.
    package convenience init(
        _ configuration: Configuration, on engines: (any StoreEngineSource)? = nil, log: Log,
        now: UnixMilliseconds = SystemClock.wall.now, takeOver: () throws(StartError) -> Bool = { false }
    ) throws(StartError) {
        try Self.checkClock(now)
        let files = AccountFiles(configuration)
        // Stamps are taken before the files are read, so that the first maintenance round notices later changes.
        let accountStamps = files.stamps()
        let users = try files.users()
        let clients = try files.clients()
        try configuration.passwords.check()
        let browser = try Self.browser(configuration)
        let keys = KeyDirectory(path: configuration.keys.path, rule: .ofProcess)
        let present = try Self.keyring(keys)
        if let present { try Self.checkSigners(present, configuration, clients) }
        let providedStamps = configuration.tls.files?.stamp() ?? []
        let provided = try Self.providedTLS(configuration)
        let accessLog = try Self.accessLog(configuration, log)
        try Self.awaitJournal(configuration, takesOver: try takeOver())
        let store = Self.store(configuration, engines, log)
        let revocations = if let store { try store.open() } else { try Self.revocations(configuration, log) }
        let selfSigned = provided == nil ? try Self.selfSignedTLS(configuration, log) : nil
        let context = provided ?? selfSigned?.context
        let stamps = MaintenanceJob.Stamps(accounts: accountStamps, tls: selfSigned?.stamps ?? providedStamps)
        let keyring = if let present { present } else { try Self.firstKeyring(keys, configuration, clients, log) }
        let accounts = FileAccountSource(
            users, revocations: revocations, clock: SystemClock.wall, log: log, storeHash: files.storeHash,
            replaceHash: files.replaceHash)
        let authState = try Self.authState(
            configuration, accounts: accounts, clients: clients, keyring: Published(keyring),
            revocations: revocations, log: log, store: store?.status)
        store?.keys.follow(authState.keyring)
        let identity = context.map { TLSIdentity($0) }
        let keeper = KeyRotationJob(directory: keys, authState: authState, schedule: configuration.keySchedule)
        try keeper.apply(stamp: keys.stamp(), isStart: true)
        accounts.applySessionLimitsAtStart()
        let reloads = ReloadStatus()
        let startedAt = SystemClock.wall.now
        reloads.succeededAtStart(hasTLS: identity != nil, at: startedAt)
        let loginSources = LoginSources()
        let housekeeper = MaintenanceJob(
            authState: authState, accounts: accounts, files: files, keys: keeper, tls: configuration.tls.files,
            identity: identity, sighting: RollbackGuard(configuration), reloads: reloads, stamps: stamps,
            usersReloaded: { users in if let browser { Self.sayLargeTokens(authState, users, browser) } },
            everySecond: { [loginSources] in Self.say(loginSources, log) })
        if let browser { Self.sayLargeTokens(authState, accounts.current, browser) }
        let shared = ApplicationShared(
            authState: authState, connections: ConnectionCounters(), accessLog: accessLog?.accessLog,
            openAPI: Self.openAPI,
            monotonic: MonotonicClock.nanoseconds,
            random: { Random.next64() }, loginSources: loginSources, reloads: reloads,
            process: Self.facts(configuration, startedAt: startedAt), appliedKeys: { keeper.applied },
            certificateExpiry: { identity?.expiresAt }, processFigures: { ProcessFigures.read() },
            endpoints: RouteTable.standard.endpoints, browser: browser,
            feed: Self.feed(configuration, authState))
        self.init(
            Parts(shared: shared, log: log, identity: identity, housekeeper: housekeeper, accessLog: accessLog))
        try accessLog?.start()
        try startFeed()
        Self.sayWarnings(configuration, clients, log)
        try housekeeper.noteFirstSighting()
        // Waiting for the journal may have taken long, so accounts and keys are read again.
        housekeeper.reloadWhatChanged()
        housekeeper.warnOfReadableAccounts()
        try housekeeper.start()
        try housekeeper.startCompaction()
        revocations.announce(StateLock.serving)
    }

    /// Signals to a process that waits for the journal that this one is about to end.
    package func announceEnd() {
        shared.authState.revocations.announce(StateLock.leaving)
    }

    /// Reloads accounts, keys and certificates and reopens the access log, as SIGHUP requests.
    package func reload() {
        accessLog?.reopen()
        housekeeper.reload()
    }

    /// Stops maintenance and closes the journal. All acknowledged records are on disk.
    package func close() {
        stopFollowing()
        shared.feed?.stop()
        housekeeper.stop()
        shared.authState.hashing.close()
        housekeeper.noteSighting()
        shared.authState.revocations.close()
        accessLog?.stop()
    }

    static func facts(_ configuration: Configuration, startedAt: UnixMilliseconds) -> ProcessFacts {
        let paths = [
            ("state", configuration.journal.statePath), ("keys", configuration.keys.path),
            ("users", configuration.accounts.usersPath),
            ("clients", configuration.accounts.clientsPath),
        ]
        return ProcessFacts(
            version: Version.text, pid: getpid(), startedAt: startedAt,
            paths: paths.map { (name: $0.0, path: Directory.absolute($0.1)) })
    }

    /// Every later start would reject tokens, sessions and keys dated before 1970.
    static func checkClock(_ now: UnixMilliseconds) throws(StartError) {
        guard now < 0 else { return }
        throw StartError(
            description:
                "the clock is before 1970; nothing was written. Set the clock (NTP, or date -s) and start again")
    }

    static var openAPI: [UInt8] {
        Array(OpenAPIDocument(version: Version.text, settings: Setting.allCases.map(\.openAPIText)).text.utf8)
    }

    /// Reads the files of the pages also while browser mode is off, so that a mistake in them is found before it is on.
    static func browser(_ configuration: Configuration) throws(StartError) -> Browser? {
        let site = try configuration.pages.site(publicPath: configuration.browser.options?.publicPath ?? "")
        guard var options = configuration.browser.options else { return nil }
        options.pages = site
        return Browser(options)
    }

    static func accessLog(_ configuration: Configuration, _ log: Log) throws(StartError) -> AccessLogWriter? {
        guard let target = configuration.log.accessLog else { return nil }
        return try AccessLogWriter(target, share: configuration.log.accessLogShare, log: log)
    }

    /// - Returns: `nil` while there are no keys.
    static func keyring(_ keys: KeyDirectory) throws(StartError) -> Keyring? {
        do throws(KeyDirectoryError) {
            return try keys.isEmpty() ? nil : keys.load(now: SystemClock.wall.now)
        } catch {
            throw StartError(error)
        }
    }

    /// Logs missing signing keys before the first login fails.
    static func checkSigners(
        _ keyring: Keyring, _ configuration: Configuration, _ clients: ClientDirectory
    ) throws(StartError) {
        let missing = configuration.tokens.auth.missingSigners(in: keyring, for: clients, at: SystemClock.wall.now)
        guard !missing.isEmpty else { return }
        throw .signersMissing(missing, keysPath: configuration.keys.path)
    }

    private static func firstKeyring(
        _ keys: KeyDirectory, _ configuration: Configuration, _ clients: ClientDirectory, _ log: Log
    ) throws(StartError) -> Keyring {
        let algorithms = configuration.tokens.auth.neededAlgorithms(for: clients)
        do throws(KeyDirectoryError) {
            let now = SystemClock.wall.now
            let names = try keys.fill(algorithms, now: now)
            log.write(.info, "keys_created") { $0.add("files", names.joined(separator: " ")) }
            return try keys.load(now: now)
        } catch {
            throw StartError(error)
        }
    }

    /// The certificate and key that the settings name.
    static func providedTLS(_ configuration: Configuration) throws(StartError) -> TLSContext? {
        guard let tls = configuration.tls.files, !tls.isSelfSigned else { return nil }
        return try tls.load(now: SystemClock.wall.now)
    }

    static func selfSignedTLS(
        _ configuration: Configuration, _ log: Log
    ) throws(StartError) -> (context: TLSContext, stamps: [FileStamp])? {
        guard let tls = configuration.tls.files, tls.isSelfSigned else { return nil }
        let now = SystemClock.wall.now
        if try tls.fill(now: now) {
            log.write(.info, "tls_pair_created") { $0.add("certificate", tls.certificatePath) }
        }
        let stamps = tls.stamp()
        return (try tls.load(now: now), stamps)
    }

    /// Waits until no other process uses the journal: a predecessor that finishes its requests, or a process that is
    /// ending by itself.
    static func awaitJournal(_ configuration: Configuration, takesOver: Bool) throws(StartError) {
        // The rest of the time is for closing a large journal on a slow disk.
        let drain = configuration.limits.drainDelay + configuration.limits.drainTimeout + 30
        let patience = takesOver ? drain : configuration.journal.lockWait
        do throws(JournalError) {
            try StateLock.wait(configuration.journal.statePath, seconds: patience, evenWhileServing: takesOver)
        } catch {
            throw StartError(error)
        }
    }
}
