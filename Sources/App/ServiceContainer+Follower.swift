import API
import Accounts
import Glibc
import HTTP
import JOSE
import Journal
import Keys
import OpenSSL
package import Platform
import Revocation
import Service
package import Telemetry
import Tokens

extension ServiceContainer {
    /// The object graph of a server that follows another one: it verifies, and has no journal, no users and no private
    /// keys.
    ///
    /// - Parameter takeOver: as for a server with a journal.
    package convenience init(
        _ configuration: Configuration, following node: FollowedNode, log: Log,
        now: UnixMilliseconds = SystemClock.wall.now, takeOver: () throws(StartError) -> Bool = { false }
    ) throws(StartError) {
        try Self.checkClock(now)
        try Self.checkNoJournal(configuration.journal.statePath)
        let files = AccountFiles(configuration, hasUsers: false)
        let accountStamps = files.stamps()
        let clients = try files.clients()
        let browser = try Self.browser(configuration)
        let providedStamps = configuration.tls.files?.stamp() ?? []
        let provided = try Self.providedTLS(configuration)
        let accessLog = try Self.accessLog(configuration, log)
        let secrets = KeyDirectory(path: configuration.keys.path, rule: .ofProcess)
        let keyring = Published(try Self.emptyKeyring())
        try Self.awaitJournal(configuration, takesOver: try takeOver())
        let revocations = try Self.followedRevocations(configuration, node, log)
        let keys = FollowedKeys(
            directory: secrets, keyring: keyring, published: node.storedKeySet(), clock: SystemClock.wall, log: log)
        try keys.apply(stamp: keys.stamp())
        let selfSigned = provided == nil ? try Self.selfSignedTLS(configuration, log) : nil
        let stamps = MaintenanceJob.Stamps(accounts: accountStamps, tls: selfSigned?.stamps ?? providedStamps)
        let accounts = FileAccountSource(
            UserDirectory(), revocations: revocations, clock: SystemClock.wall, log: log, storeHash: files.storeHash,
            replaceHash: files.replaceHash)
        let authState = try Self.authState(
            configuration, accounts: accounts, clients: clients, keyring: keyring, revocations: revocations, log: log,
            followed: node.feed)
        let identity = (provided ?? selfSigned?.context).map { TLSIdentity($0) }
        let reloads = ReloadStatus()
        let startedAt = SystemClock.wall.now
        reloads.succeededAtStart(hasTLS: identity != nil, at: startedAt)
        let housekeeper = MaintenanceJob(
            authState: authState, accounts: accounts, files: files, keys: keys, tls: configuration.tls.files,
            identity: identity, sighting: RollbackGuard(configuration), reloads: reloads, stamps: stamps,
            usersReloaded: { _ in }, everySecond: {})
        let shared = ApplicationShared(
            authState: authState, connections: ConnectionCounters(), accessLog: accessLog?.accessLog,
            openAPI: Self.openAPI, monotonic: MonotonicClock.nanoseconds, random: { Random.next64() },
            reloads: reloads, process: Self.facts(configuration, startedAt: startedAt),
            appliedKeys: { keys.applied }, certificateExpiry: { identity?.expiresAt },
            processFigures: { ProcessFigures.read() }, endpoints: RouteTable.standard.endpoints, browser: browser,
            feed: Self.relay(configuration, authState, node))
        self.init(
            Parts(
                shared: shared, log: log, identity: identity, housekeeper: housekeeper, accessLog: accessLog,
                stopFollowing: node.stop))
        try accessLog?.start()
        try startFeed()
        housekeeper.reloadWhatChanged()
        try housekeeper.start()
        let sink = FollowedNode.Sink(
            apply: { records, position in revocations.follow(records, upTo: position) },
            add: { revocations.add($0) }, restart: { revocations.restart(at: $0) },
            takeKeys: { keys.take(published: $0) })
        if let fault = node.start(sink) { throw StartError(description: "\(fault)", mayPass: true) }
    }

    private static func followedRevocations(
        _ configuration: Configuration, _ node: FollowedNode, _ log: Log
    ) throws(StartError) -> RevocationStore {
        let store: RevocationStore
        do throws(JournalError) {
            var options = RevocationOptions(
                ledger: node.ledgerSource, grace: configuration.tokens.refreshGrace, sessionMax: nil,
                clock: SystemClock.wall,
                monotonicNow: { MonotonicClock.nanoseconds() / 1_000_000 }, random: { Random.next64() })
            options.entries = .dropped
            options.feed = configuration.feed.access.map { _ in RevocationFeed(now: SystemClock.wall.now) }
            store = try RevocationStore.open(options)
        } catch {
            throw StartError(error)
        }
        let counts = store.startReport.counts
        log.write(.info, "followed_copy_read") { line in
            line.add("state", configuration.journal.statePath)
            line.add("revocations", counts.revokedTokens + counts.revokedSessions + counts.cuts)
            line.add("position", node.feed.position.map(\.text) ?? "none")
            if let age = node.feed.age { line.add("age_ms", age) }
        }
        return store
    }

    private static func emptyKeyring() throws(StartError) -> Keyring {
        do throws(KeyError) { return try Keyring([], verifiesOnly: true) } catch {
            throw StartError(description: "\(error)")
        }
    }

    /// A journal has what only its own server may serve.
    static func checkNoJournal(_ state: String) throws(StartError) {
        let names = (try? Directory.names(in: state)) ?? []
        guard let journal = names.first(where: { $0.hasSuffix(".jrn") }) else { return }
        throw StartError(
            description: "\(state)/\(journal) is part of a journal, and a server with \(Setting.follow.name) has none. "
                + "Set \(Setting.state.name) to another directory, or remove \(Setting.follow.name)")
    }
}
