import Accounts
import Encoding
import Glibc
import Journal
import OpenSSL
import Platform
import Revocation
import Service
import Synchronization
import Telemetry

/// The maintenance thread: reloads edited files and removes expired entries.
final class MaintenanceJob: Sendable {
    /// How often files are checked. A disabled user is rejected within a second.
    static let intervalMilliseconds = 250

    private static let roundsPerPurge = 240
    /// Five seconds: after a failure for lack of descriptors or memory, or a disk error, the files show no change.
    private static let roundsPerRetry = 20
    /// A second: the maximum delay of a scheduled rotation and of log lines about keys.
    private static let roundsPerKeyLook = 4
    /// An hour: the lifetime of one set of TLS ticket keys.
    private static let roundsPerTicketKeys = 14_400

    /// Every five minutes, so that an unnecessary compaction costs little. The first check comes
    /// right after a start: each start begins a segment, and a journal with frequent restarts must stay
    /// bounded, too.
    static let roundsPerCompaction = 1_200

    /// The stamps of the watched files, taken before they were read.
    struct Stamps {
        var accounts: AccountFiles.Stamps
        var tls: [FileStamp]
    }

    struct State {
        var isStopping = false
        /// Whether this is only a retry after a failure.
        var isRetrying = false
        var stamps: Stamps
        /// Whether the content in use was read from an existing file.
        var hadUsers: Bool
        var hadClients: Bool
        /// Files that other users may read, with their modes, as of the last warning.
        var readable: [String: String] = [:]
        var renewal = CertificateGracePeriod()
        var sighting: HighWaterMark?
        var isSightingRefused = false
    }

    let authState: AuthState
    private let accounts: FileAccountSource
    private let files: AccountFiles
    private let keys: KeyRotationJob
    private let tls: TLSFiles?
    private let identity: TLSIdentity?
    private let sighting: RollbackGuard
    private let reloads: ReloadStatus
    let state: Mutex<State>
    /// Held from the check of the files until they are applied, so that a slow reload cannot undo a later one.
    private let reloading = Mutex(())

    /// Held during a round. When the process exits, OpenSSL is cleaned up first: a round that needed random numbers
    /// then would crash.
    private let working = Mutex(())

    /// Additional checks, once a second.
    private let everySecond: @Sendable () -> Void

    init(
        authState: AuthState, accounts: FileAccountSource, files: AccountFiles, keys: KeyRotationJob, tls: TLSFiles?,
        identity: TLSIdentity?,
        sighting: RollbackGuard, reloads: ReloadStatus, stamps: Stamps, everySecond: @escaping @Sendable () -> Void
    ) {
        self.everySecond = everySecond
        self.reloads = reloads
        self.sighting = sighting
        self.authState = authState
        self.accounts = accounts
        self.files = files
        self.keys = keys
        self.tls = tls
        self.identity = identity
        state = Mutex(
            State(
                stamps: stamps, hadUsers: stamps.accounts.users.exists, hadClients: stamps.accounts.clients.exists))
    }

    func start() throws(StartError) {
        try Thread.start(name: "housekeeping") { [self] in
            var rounds = 0
            repeat {
                Thread.sleep(milliseconds: Self.intervalMilliseconds)
                rounds += 1
            } while work(rounds)
        }
    }

    /// Runs one round.
    /// - Returns: false if the service has been stopped.
    private func work(_ rounds: Int) -> Bool {
        working.withLock { _ in
            guard !state.withLock({ $0.isStopping }) else { return false }
            authState.revocations.followClock()
            reloadWhatChanged()
            if rounds % Self.roundsPerRetry == 0 { retryWhatFailed() }
            keys.cutCompromised()
            if rounds % Self.roundsPerKeyLook == 0 {
                keys.rotateIfDue()
                keys.sayChanges()
                everySecond()
                noteSighting()
            }
            if rounds % Self.roundsPerTicketKeys == 0 { rotateTicketKeys() }
            guard rounds % Self.roundsPerPurge == 0 else { return true }
            authState.revocations.purge(
                now: authState.clock.now, monotonic: MonotonicClock.nanoseconds() / 1_000_000)
            return true
        }
    }

    /// Records the high-water mark of the journal if it advanced: at the start, at the end and once a second. Records
    /// acknowledged after it would not be noticed as missing if an older copy were restored after a crash.
    func noteSighting() {
        guard let present = authState.revocations.highWaterMark else { return }
        let isNews = state.withLock { state in
            defer { state.sighting = present }
            return state.sighting != present
        }
        guard isNews, let fault = sighting.write(present) else { return }
        sayUnwritable(fault)
    }

    /// As ``noteSighting()``, at the start.
    /// - Throws: if the path that the operator configured cannot be written.
    func noteFirstSighting() throws(StartError) {
        guard let present = authState.revocations.highWaterMark else { return }
        state.withLock { $0.sighting = present }
        if let fault = try sighting.writeFirst(present) { sayUnwritable(fault) }
    }

    private func sayUnwritable(_ fault: FileError) {
        // Log this once: a directory that cannot be written is likely to stay so.
        let isFirst = state.withLock { state in
            defer { state.isSightingRefused = true }
            return !state.isSightingRefused
        }
        guard isFirst else { return }
        authState.log.write(.warning, "journal_sighting_unwritable") { $0.add("reason", "\(fault)") }
    }

    /// Starts no further round, and waits for the current one.
    func stop() {
        working.withLock { _ in state.withLock { $0.isStopping = true } }
    }

    /// Reloads everything, changed or not.
    func reload() {
        reloading.withLock { _ in
            let stamps = files.stamps()
            reloadUsers(stamps.users)
            reloadClients(stamps.clients)
            reloadKeys(keys.stamp())
            reloadWhatWaited(after: .clients, .keys)
            if let tls { reloadTLS(tls, tls.stamp(), isAsked: true) }
        }
    }

    private func retryWhatFailed() {
        let failed = reloads.failures.map(\.source)
        guard !failed.isEmpty else { return }
        reloading.withLock { _ in
            state.withLock { $0.isRetrying = true }
            let stamps = files.stamps()
            if failed.contains(.users) { reloadUsers(stamps.users) }
            if failed.contains(.clients) { reloadClients(stamps.clients) }
            if failed.contains(.keys) { reloadKeys(keys.stamp()) }
            if failed.contains(.tls), let tls { reloadTLS(tls, tls.stamp()) }
            state.withLock { $0.isRetrying = false }
        }
    }

    private func rotateTicketKeys() {
        guard let tls else { return }
        reloading.withLock { _ in reloadTLS(tls, tls.stamp()) }
    }

    /// Reloads what changed since it was read.
    func reloadWhatChanged() {
        reloading.withLock { _ in reloadWhatDiffers() }
    }

    private func reloadWhatDiffers() {
        let seen = state.withLock { $0.stamps }
        let accounts = files.stamps()
        if accounts.users != seen.accounts.users { reloadUsers(accounts.users) }
        if accounts.clients != seen.accounts.clients { reloadClients(accounts.clients) }
        let keyStamps = keys.stamp()
        let areKeysBehind = keys.isBehind(keyStamps)
        if areKeysBehind { reloadKeys(keyStamps) }
        if accounts.clients != seen.accounts.clients { reloadWhatWaited(after: .clients) }
        if areKeysBehind { reloadWhatWaited(after: .keys) }
        if let tls {
            let stamps = tls.stamp()
            let isOver = state.withLock { $0.renewal.isOver(at: MonotonicClock.nanoseconds() / 1_000_000) }
            if isOver || stamps != seen.tls { reloadTLS(tls, stamps) }
        }
    }

    /// Existing connections keep their certificate.
    ///
    /// - Parameter isAsked: whether the operator requested it. Errors are then reported at once.
    private func reloadTLS(_ tls: TLSFiles, _ stamps: [FileStamp], isAsked: Bool = false) {
        let monotonic = MonotonicClock.nanoseconds() / 1_000_000
        state.withLock { state in
            if state.stamps.tls != stamps { state.renewal.changed(at: monotonic) }
            state.stamps.tls = stamps
        }
        do throws(StartError) {
            if tls.isSelfSigned { _ = try tls.fill(now: authState.clock.now) }
            identity?.replace(with: try tls.load(now: authState.clock.now))
            state.withLock { $0.renewal.succeeded() }
            succeeded(.tls)
        } catch {
            let mayBeUnfinished = !isAsked && !tls.isOutOfDate(now: authState.clock.now)
            guard mayBeUnfinished, state.withLock({ $0.renewal.waits(at: monotonic) }) else {
                return failed(.tls, error)
            }
            authState.log.write(.info, "renewal_unfinished") { $0.add("reason", error.description) }
        }
    }

    private func reloadUsers(_ stamp: FileStamp) {
        let mustExist = state.withLock { state in
            state.stamps.accounts.users = stamp
            return state.hadUsers
        }
        take(.users) { () throws(StartError) in
            let users = try files.users(mustExist: mustExist)
            state.withLock { $0.hadUsers = stamp.exists }
            warn("users", countBefore: accounts.current.users.count, count: users.users.count, files.usersPath)
            accounts.apply(users)
            warnOfReadableAccounts()
        }
    }

    private func reloadClients(_ stamp: FileStamp) {
        let mustExist = state.withLock { state in
            state.stamps.accounts.clients = stamp
            return state.hadClients
        }
        take(.clients) { () throws(StartError) in
            let clients = try files.clients(mustExist: mustExist)
            try keys.check(clients)
            state.withLock { $0.hadClients = stamp.exists }
            warn(
                "clients", countBefore: authState.clients.current.clients.count, count: clients.clients.count,
                files.clientsPath)
            authState.clients.replace(with: clients)
            warnOfReadableAccounts()
        }
    }

    /// Clients and keys are checked against each other, so a change of both may fail in one order and succeed in the
    /// other. What failed is retried once after the other was applied.
    private func reloadWhatWaited(after changed: ReloadSource...) {
        let failed = reloads.failures.map(\.source)
        if changed.contains(.keys), failed.contains(.clients), !failed.contains(.keys) {
            reloadClients(FileStamp(files.clientsPath))
        }
        if changed.contains(.clients), failed.contains(.keys), !failed.contains(.clients) {
            reloadKeys(keys.stamp())
        }
    }

    /// A tool that failed halfway may leave an empty list. It is applied, because it may be intended.
    private func warn(_ kind: String, countBefore: Int, count: Int, _ path: String) {
        guard count == 0, countBefore > 0 else { return }
        authState.log.write(.warning, "accounts_emptied") { line in
            line.add("what", kind)
            line.add("path", path)
            line.add("before", countBefore)
            line.add("after", count)
        }
    }

    /// Warns once for each mode of a file that other users may read.
    func warnOfReadableAccounts() {
        let found = files.readableByOthers()
        let news = state.withLock { state in
            defer { state.readable = Dictionary(found.map { ($0.path, $0.mode) }) { $1 } }
            return found.filter { state.readable[$0.path] != $0.mode }
        }
        for (path, mode) in news {
            authState.log.write(.warning, "accounts_readable_by_others") { line in
                line.add("path", path)
                line.add("mode", mode)
                line.add("advice", "chmod 600 \(path)")
            }
        }
    }

    private func reloadKeys(_ stamps: [FileStamp]) {
        take(.keys) { () throws(StartError) in try keys.apply(stamp: stamps) }
    }

    /// A failed reload keeps the old state and logs the reason.
    private func take(_ source: ReloadSource, _ read: () throws(StartError) -> Void) {
        do throws(StartError) {
            try read()
            succeeded(source)
        } catch {
            failed(source, error)
        }
    }

    private func succeeded(_ source: ReloadSource) {
        reloads.succeeded(source, at: authState.clock.now)
        authState.log.write(.info, "reloaded") { $0.add("what", source.rawValue) }
    }

    private func failed(_ source: ReloadSource, _ fault: StartError) {
        let isRepeated = reloads[source]?.reason == fault.description
        reloads.failed(source, at: authState.clock.now, reason: fault.description)
        if isRepeated, state.withLock({ $0.isRetrying }) { return }
        authState.log.write(.error, "reload_failed") { line in
            line.add("what", source.rawValue)
            line.add("reason", fault.description)
        }
    }
}
