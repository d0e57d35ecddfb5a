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
    let accounts: FileAccountSource
    let files: AccountFiles
    let keys: any KeyMaintenance
    let tls: TLSFiles?
    let identity: TLSIdentity?
    private let sighting: RollbackGuard
    let reloads: ReloadStatus
    let state: Mutex<State>
    /// Held from the check of the files until they are applied, so that a slow reload cannot undo a later one.
    let reloading = Mutex(())

    /// Held during a round. When the process exits, OpenSSL is cleaned up first: a round that needed random numbers
    /// then would crash.
    private let working = Mutex(())

    /// Checks the users that were just reloaded.
    let usersReloaded: @Sendable (UserDirectory) -> Void
    /// Additional checks, once a second.
    private let everySecond: @Sendable () -> Void

    init(
        authState: AuthState, accounts: FileAccountSource, files: AccountFiles, keys: any KeyMaintenance,
        tls: TLSFiles?,
        identity: TLSIdentity?,
        sighting: RollbackGuard, reloads: ReloadStatus, stamps: Stamps,
        usersReloaded: @escaping @Sendable (UserDirectory) -> Void, everySecond: @escaping @Sendable () -> Void
    ) {
        self.usersReloaded = usersReloaded
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
                recordLostRevocations()
                noteSighting()
            }
            if rounds % Self.roundsPerTicketKeys == 0 { rotateTicketKeys() }
            guard rounds % Self.roundsPerPurge == 0 else { return true }
            authState.revocations.purge(
                now: authState.clock.now, monotonic: MonotonicClock.nanoseconds() / 1_000_000)
            return true
        }
    }

    /// Records what the journal could not record while it was unwritable.
    private func recordLostRevocations() {
        authState.revocations.recordLost { [log = authState.log] count in
            log.write(.warning, "lost_revocations_recorded") { $0.add("count", count) }
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
}
