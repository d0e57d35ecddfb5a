import Journal
import Keys
import OpenSSL
import Platform
import Revocation
import Service
import Store
import Telemetry

/// The ledger of a server on an engine.
struct StoreParts {
    /// In seconds. Two servers issue tokens while each is at most five seconds off, one ahead and the other behind.
    private static let clockSpread: Int64 = 10

    let status: StoreStatus
    let keys = ReportedKeys()
    private let source: StoreLedgerSource
    private let configuration: Configuration
    private let log: Log

    init(_ configuration: Configuration, _ connection: StoreConnection, _ engines: any StoreEngineSource, _ log: Log) {
        self.configuration = configuration
        self.log = log
        let follow = configuration.follow
        let rule = KnowledgeAge.Rule(ageMax: follow.stalenessMax, rejectsStale: follow.rejectsStale)
        let knowledge = KnowledgeAge(rule: rule) { BootClock.milliseconds() }
        status = StoreStatus(name: engines.name, node: configuration.store.node, knowledge: knowledge)
        let node = StoreNode(
            name: configuration.store.node, version: Version.text,
            settingsHash: SharedSettings.hash(configuration.tokens), keyHash: { [keys] in keys.hash })
        var options = StoreOptions(
            node: node, clock: SystemClock.wall, monotonicNow: { MonotonicClock.nanoseconds() / 1_000_000 },
            random: { Random.next64() })
        options.timeout = Int64(connection.timeout)
        options.grace = configuration.tokens.refreshGrace
        options.durability = Self.durability(connection.durability)
        options.bootID = BootClock.id
        options.keySpread = configuration.keys.lead / 2
        options.observe = { [name = engines.name] in StoreLog.say($0, name, log) }
        source = StoreLedgerSource(
            engines: engines, directory: configuration.journal.statePath, status: status, options: options)
    }

    private static func durability(_ durability: StoreDurability) -> StoreOptions.Durability {
        switch durability {
        case .strict: .strict
        case .trusted: .trusted
        case .relaxed: .relaxed
        }
    }

    /// Reads the copy, and connects to the engine if it answers.
    func open() throws(StartError) -> RevocationStore {
        let auth = configuration.tokens.auth
        var options = RevocationOptions(
            ledger: source, grace: configuration.tokens.refreshGrace, sessionMax: auth.sessionMax * 1_000,
            clock: SystemClock.wall, monotonicNow: { MonotonicClock.nanoseconds() / 1_000_000 },
            random: { Random.next64() })
        options.clockSpread = Self.clockSpread
        options.feed = configuration.feed.access.map { _ in RevocationFeed(now: SystemClock.wall.now) }
        options.entries = auth.sessionList == nil ? .dropped : .kept(idle: auth.refreshIdle * 1_000)
        let store: RevocationStore
        do throws(JournalError) {
            store = try RevocationStore.open(options)
        } catch {
            throw StartError(error)
        }
        let counts = store.startReport.counts
        log.write(.info, "store_copy_read") { line in
            line.add("state", configuration.journal.statePath)
            line.add("revocations", counts.revokedTokens + counts.revokedSessions + counts.cuts)
            line.add("sessions", counts.rotatedSessions)
            line.add("position", store.position.text)
        }
        return store
    }
}
