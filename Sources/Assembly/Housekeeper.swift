import Accounts
import CLinux
import Glibc
import Journal
import Octets
import OpenSSL
import Revocation
import Service
import Synchronization
import Telemetry

/// The thread that looks after what changes by itself: files that were edited, entries that expired.
final class Housekeeper: Sendable {
    /// How often files are looked at; a disabled user is refused within a second.
    private static let intervalMilliseconds = 250

    private static let roundsPerPurge = 240
    /// A second: so late may a scheduled rotation be, and what the log says of keys.
    private static let roundsPerKeyLook = 4
    /// An hour: so long does one set of ticket keys live, and with it what is resumed under it.
    private static let roundsPerTicketKeys = 14_400

    /// Every five minutes: seldom enough that a wrong guess of what no longer matters costs little. The first look comes
    /// right after a start: each start begins a segment, and a service that never lives for five minutes has to stay
    /// bounded, too.
    private static let roundsPerCompaction = 1_200

    private struct State {
        var isStopping = false
        var usersStamp: FileStamp
        var clientsStamp: FileStamp
        var tlsStamp: [FileStamp]
        var failures: [String: String] = [:]
        var sighting: JournalSighting?
        var isSightingRefused = false
    }

    private let realm: Realm
    private let files: AccountFiles
    private let keys: KeyKeeper
    private let tls: TLSFiles?
    private let identity: TLSIdentity?
    private let sighting: SightingFile
    private let state: Mutex<State>
    /// Held from a look at the files until what they say is taken up: a slow reload must not undo a later one.
    private let reloading = Mutex(())

    /// What else is to be looked at once a second.
    private let everySecond: @Sendable () -> Void

    init(
        realm: Realm, files: AccountFiles, keys: KeyKeeper, tls: TLSFiles?, identity: TLSIdentity?,
        sighting: SightingFile, everySecond: @escaping @Sendable () -> Void
    ) {
        self.everySecond = everySecond
        self.sighting = sighting
        self.realm = realm
        self.files = files
        self.keys = keys
        self.tls = tls
        self.identity = identity
        state = Mutex(
            State(
                usersStamp: FileStamp(files.usersPath), clientsStamp: FileStamp(files.clientsPath),
                tlsStamp: tls?.stamp() ?? []))
    }

    /// What a failed reload left as it was.
    var unreadiness: [String] {
        state.withLock { $0.failures.keys.sorted() }
    }

    func start() throws(StartFault) {
        try Threads.start(name: "housekeeping") { [self] in
            var rounds = 0
            while !state.withLock({ $0.isStopping }) {
                Threads.sleep(milliseconds: Self.intervalMilliseconds)
                reloadWhatChanged()
                rounds += 1
                keys.cutCompromised()
                if rounds % Self.roundsPerKeyLook == 0 {
                    keys.rotateIfDue()
                    keys.sayChanges()
                    everySecond()
                }
                if rounds % Self.roundsPerTicketKeys == 0 { rotateTicketKeys() }
                guard rounds % Self.roundsPerPurge == 0 else { continue }
                noteSighting()
                realm.revocations.purge(now: realm.clock.now, monotonic: MonotonicClock.nanoseconds() / 1_000_000)
            }
        }
    }

    /// Writes the journal again when half of it no longer matters: on a thread of its own, since it may take minutes.
    func startCompaction() throws(StartFault) {
        try Threads.start(name: "compaction") { [self] in
            clinux_stand_back()
            var rounds = 0
            while !state.withLock({ $0.isStopping }) {
                Threads.sleep(milliseconds: Self.intervalMilliseconds)
                rounds += 1
                guard rounds % Self.roundsPerCompaction == 1 else { continue }
                compactIfDue()
            }
        }
    }

    private func compactIfDue() {
        let began = MonotonicClock.nanoseconds() / 1_000_000
        do {
            let report = try realm.revocations.compactIfDue(now: realm.clock.now, monotonic: began)
            guard let report else { return }
            realm.log.write(.info, "journal_compacted") { line in
                line.add("read", report.readCount)
                line.add("kept", report.keptCount)
                line.add("segments", report.segmentCount)
                line.add("milliseconds", MonotonicClock.nanoseconds() / 1_000_000 - began)
            }
        } catch {
            guard !state.withLock({ $0.isStopping }) else { return }
            realm.log.write(.error, "journal_compaction_failed") { $0.add("reason", "\(error)") }
        }
    }

    /// Writes down how far the journal has come, if it has: at the start, at the end and once a minute.
    func noteSighting() {
        let present = realm.revocations.sighting
        let isNews = state.withLock { state in
            defer { state.sighting = present }
            return state.sighting != present
        }
        guard isNews, let reason = sighting.write(present) else { return }
        // Once: a directory that cannot be written is likely to stay so.
        let isFirst = state.withLock { state in
            defer { state.isSightingRefused = true }
            return !state.isSightingRefused
        }
        guard isFirst else { return }
        realm.log.write(.warning, "journal_sighting_unwritable") { $0.add("reason", reason) }
    }

    func stop() {
        state.withLock { $0.isStopping = true }
    }

    /// Reads everything again, changed or not.
    func reload() {
        reloading.withLock { _ in
            reloadUsers(FileStamp(files.usersPath))
            reloadClients(FileStamp(files.clientsPath))
            reloadKeys(keys.stamp())
            reloadWhatWaited(after: "clients", "keys")
            if let tls { reloadTLS(tls, tls.stamp()) }
        }
    }

    private func rotateTicketKeys() {
        guard let tls else { return }
        reloading.withLock { _ in reloadTLS(tls, tls.stamp()) }
    }

    private func reloadWhatChanged() {
        reloading.withLock { _ in reloadWhatDiffers() }
    }

    private func reloadWhatDiffers() {
        let seen = state.withLock { ($0.usersStamp, $0.clientsStamp, $0.tlsStamp) }
        let users = FileStamp(files.usersPath)
        if users != seen.0 { reloadUsers(users) }
        let clients = FileStamp(files.clientsPath)
        if clients != seen.1 { reloadClients(clients) }
        let keyStamps = keys.stamp()
        let areKeysBehind = keys.isBehind(keyStamps)
        if areKeysBehind { reloadKeys(keyStamps) }
        if clients != seen.1 { reloadWhatWaited(after: "clients") }
        if areKeysBehind { reloadWhatWaited(after: "keys") }
        if let tls {
            let stamps = tls.stamp()
            if stamps != seen.2 { reloadTLS(tls, stamps) }
        }
    }

    /// Connections that are there keep what they began under.
    private func reloadTLS(_ tls: TLSFiles, _ stamps: [FileStamp]) {
        state.withLock { $0.tlsStamp = stamps }
        take("tls", at: tls.certificatePath) { () throws(StartFault) in
            if tls.isSelfSigned { _ = try tls.fill(now: realm.clock.now) }
            identity?.replace(with: try tls.load(now: realm.clock.now))
        }
    }

    private func reloadUsers(_ stamp: FileStamp) {
        state.withLock { $0.usersStamp = stamp }
        take("users", at: files.usersPath) { () throws(StartFault) in realm.takeUp(try files.users()) }
    }

    private func reloadClients(_ stamp: FileStamp) {
        state.withLock { $0.clientsStamp = stamp }
        take("clients", at: files.clientsPath) { () throws(StartFault) in
            let clients = try files.clients()
            try keys.check(clients)
            realm.clients.replace(with: clients)
        }
    }

    /// Clients and keys are checked against each other, so a change of both may be refused in one order and right in the
    /// other: what failed is tried once more when the other was taken up.
    private func reloadWhatWaited(after changed: String...) {
        let failed = state.withLock { Set($0.failures.keys) }
        let (clients, keys) = ("clients_reload_failed", "keys_reload_failed")
        if changed.contains("keys"), failed.contains(clients), !failed.contains(keys) {
            reloadClients(FileStamp(files.clientsPath))
        }
        if changed.contains("clients"), failed.contains(keys), !failed.contains(clients) {
            reloadKeys(self.keys.stamp())
        }
    }

    private func reloadKeys(_ stamps: [FileStamp]) {
        take("keys", at: "keys") { () throws(StartFault) in try keys.takeUp(stamp: stamps) }
    }

    /// A bad reload keeps the old state and says so.
    private func take(_ name: String, at path: String, _ read: () throws(StartFault) -> Void) {
        do throws(StartFault) {
            try read()
            state.withLock { _ = $0.failures.removeValue(forKey: "\(name)_reload_failed") }
            realm.log.write(.info, "reloaded") { $0.add("what", name) }
        } catch {
            state.withLock { $0.failures["\(name)_reload_failed"] = error.description }
            realm.log.write(.error, "reload_failed") { line in
                line.add("what", name)
                line.add("reason", error.description)
            }
        }
    }
}
