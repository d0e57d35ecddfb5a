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

/// The thread that looks after what changes by itself: files that were edited, entries that expired.
final class MaintenanceJob: Sendable {
    /// How often files are looked at; a disabled user is refused within a second.
    static let intervalMilliseconds = 250

    private static let roundsPerPurge = 240
    /// Five seconds: what failed for want of descriptors or memory, or by an error of the disk, leaves no trace in the files.
    private static let roundsPerRetry = 20
    /// A second: so late may a scheduled rotation be, and what the log says of keys.
    private static let roundsPerKeyLook = 4
    /// An hour: so long does one set of ticket keys live, and with it what is resumed under it.
    private static let roundsPerTicketKeys = 14_400

    /// Every five minutes: seldom enough that a wrong guess of what no longer matters costs little. The first look comes
    /// right after a start: each start begins a segment, and a service that never lives for five minutes has to stay
    /// bounded, too.
    static let roundsPerCompaction = 1_200

    /// What the watched files were before they were read.
    struct Stamps {
        var accounts: AccountFiles.Stamps
        var tls: [FileStamp]
    }

    struct State {
        var isStopping = false
        /// Whether what is read now is read again only because it failed before.
        var isRetrying = false
        var stamps: Stamps
        /// Whether the content in use came from a file that was there.
        var hadUsers: Bool
        var hadClients: Bool
        /// Files that others may read, with their modes, as they were last warned of.
        var readable: [String: String] = [:]
        var renewal = CertificateGracePeriod()
        var sighting: HighWaterMark?
        var isSightingRefused = false
    }

    let authState: AuthState
    private let files: AccountFiles
    private let keys: KeyRotationJob
    private let tls: TLSFiles?
    private let identity: TLSIdentity?
    private let sighting: RollbackGuard
    private let reloads: ReloadStatus
    let state: Mutex<State>
    /// Held from a look at the files until what they say is taken up: a slow reload must not undo a later one.
    private let reloading = Mutex(())

    /// Held during a round. While the process exits, OpenSSL has been cleaned up already: a round that drew random numbers
    /// then would crash.
    private let working = Mutex(())

    /// What else is to be looked at once a second.
    private let everySecond: @Sendable () -> Void

    init(
        authState: AuthState, files: AccountFiles, keys: KeyRotationJob, tls: TLSFiles?, identity: TLSIdentity?,
        sighting: RollbackGuard, reloads: ReloadStatus, stamps: Stamps, everySecond: @escaping @Sendable () -> Void
    ) {
        self.everySecond = everySecond
        self.reloads = reloads
        self.sighting = sighting
        self.authState = authState
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

    /// Writes down how far the journal has come, if it has: at the start, at the end and once a second. What was
    /// acknowledged since would not be missed, were an older copy put back after a crash.
    func noteSighting() {
        let present = authState.revocations.sighting
        let isNews = state.withLock { state in
            defer { state.sighting = present }
            return state.sighting != present
        }
        guard isNews, let fault = sighting.write(present) else { return }
        sayUnwritable(fault)
    }

    /// As ``noteSighting()`` at the start.
    /// - Throws: if it cannot be written where the operator wants it.
    func noteFirstSighting() throws(StartError) {
        let present = authState.revocations.sighting
        state.withLock { $0.sighting = present }
        if let fault = try sighting.writeFirst(present) { sayUnwritable(fault) }
    }

    private func sayUnwritable(_ fault: FileError) {
        // Once: a directory that cannot be written is likely to stay so.
        let isFirst = state.withLock { state in
            defer { state.isSightingRefused = true }
            return !state.isSightingRefused
        }
        guard isFirst else { return }
        authState.log.write(.warning, "journal_sighting_unwritable") { $0.add("reason", "\(fault)") }
    }

    /// Begins no further round, and waits for the one in progress.
    func stop() {
        working.withLock { _ in state.withLock { $0.isStopping = true } }
    }

    /// Reads everything again, changed or not.
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

    /// Reads what is no longer as it was when it was read.
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

    /// Connections that are there keep what they began under.
    ///
    /// - Parameter isAsked: whether the operator asked for it, who then is told at once what is wrong.
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
            warn("users", countBefore: authState.users.current.users.count, count: users.users.count, files.usersPath)
            authState.takeUp(users)
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

    /// Clients and keys are checked against each other, so a change of both may be refused in one order and right in the
    /// other: what failed is tried once more when the other was taken up.
    private func reloadWhatWaited(after changed: ReloadSource...) {
        let failed = reloads.failures.map(\.source)
        if changed.contains(.keys), failed.contains(.clients), !failed.contains(.keys) {
            reloadClients(FileStamp(files.clientsPath))
        }
        if changed.contains(.clients), failed.contains(.keys), !failed.contains(.clients) {
            reloadKeys(keys.stamp())
        }
    }

    /// All at once gone is what a tool does that failed halfway; it is taken, since it may be meant.
    private func warn(_ kind: String, countBefore: Int, count: Int, _ path: String) {
        guard count == 0, countBefore > 0 else { return }
        authState.log.write(.warning, "accounts_emptied") { line in
            line.add("what", kind)
            line.add("path", path)
            line.add("before", countBefore)
            line.add("after", count)
        }
    }

    /// Warns once for each mode of a file that others may read.
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
        take(.keys) { () throws(StartError) in try keys.takeUp(stamp: stamps) }
    }

    /// A bad reload keeps the old state and says so.
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
