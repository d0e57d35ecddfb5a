package import Accounts
import Encoding
import JOSE
package import Keys
package import Platform
package import Revocation
import Synchronization
package import Telemetry
import Tokens

/// Everything that all event loops share: accounts, keys, revocations, and the threads that hash passwords.
package final class AuthState: Sendable {
    /// The `client_id` of sessions that were opened without a registered client.
    package static let firstPartyClient = "first-party"
    /// The `client_id` of tokens from `martlet mint`, unless the operator names another.
    package static let mintClient = "martlet-mint"

    package let settings: AuthSettings
    package let keyring: Published<Keyring>
    package let users: Published<UserDirectory>
    package let clients: Published<ClientDirectory>
    package let revocations: RevocationStore
    package let passwords: PasswordHasher
    package let hashing: HashingPool
    package let throttle: LoginThrottle
    package let clock: WallClock
    /// Milliseconds of a monotonic clock, for measuring durations.
    package let monotonic: @Sendable () -> Int64
    package let log: Log
    package let counters = ServiceCounters()
    /// Returns the given number of random bytes.
    let random: @Sendable (Int) -> [UInt8]
    /// Users whose `sessions_from` was in the future when the accounts were read.
    private let ahead = Mutex<[UUID: Ahead]>([:])
    /// Stores a stronger hash of the same password.
    let storeHash: @Sendable (_ user: User, _ hash: String) throws -> Void

    package init(
        settings: AuthSettings, keyring: Published<Keyring>, users: Published<UserDirectory>,
        clients: Published<ClientDirectory>, revocations: RevocationStore, passwords: PasswordHasher,
        hashing: HashingPool,
        throttle: LoginThrottle, clock: WallClock, monotonic: @escaping @Sendable () -> Int64, log: Log,
        random: @escaping @Sendable (Int) -> [UInt8],
        storeHash: @escaping @Sendable (User, String) throws -> Void
    ) {
        self.settings = settings
        self.keyring = keyring
        self.users = users
        self.clients = clients
        self.revocations = revocations
        self.passwords = passwords
        self.hashing = hashing
        self.throttle = throttle
        self.clock = clock
        self.monotonic = monotonic
        self.log = log
        self.random = random
        self.storeHash = storeHash
    }

    /// Applies changed accounts.
    ///
    /// If the `sessions_from` of an account changed, all its sessions that began before now end, not only those before that
    /// time: the old password was valid until now, and if the clock jumped, sessions may be dated later than they began. A
    /// lower time counts as a change too: a new password gets one after the clock was set back.
    ///
    /// A command on a machine whose clock is ahead writes a `sessions_from` in the future. It ends the current sessions, and
    /// new sessions are valid at once; otherwise the user would be locked out until that time.
    package func apply(_ changed: UserDirectory) {
        let before = users.current
        let known = ahead.withLock { $0 }
        users.replace(with: settled(changed))
        endSessions(
            of: changed.users.filter { user in
                guard let last = known[user.id]?.requested ?? before.standing(of: user.id)?.sessionsFrom else {
                    return false
                }
                return last != user.sessionsFrom
            })
    }

    /// Checks the accounts that the start read. The journal has no record of a change before the start, so all sessions of a
    /// user end whose `sessions_from` is in the future.
    package func applySessionLimitsAtStart() {
        let accounts = users.current
        let settled = settled(accounts)
        guard settled !== accounts else { return }
        users.replace(with: settled)
        let late = ahead.withLock { $0 }
        endSessions(of: accounts.users.filter { late[$0.id] != nil })
    }

    private func settled(_ accounts: UserDirectory) -> UserDirectory {
        let now = clock.now
        let late = accounts.users.filter { $0.sessionsFrom > now }
        let times = ahead.withLock { ahead in
            var times: [UUID: Ahead] = [:]
            for user in late {
                // Reading the same time again ends no session that began after it was read first.
                let known = ahead[user.id].flatMap { $0.requested == user.sessionsFrom ? $0 : nil }
                times[user.id] = known ?? Ahead(requested: user.sessionsFrom, applied: now)
            }
            ahead = times
            return times
        }
        guard let first = late.first else { return accounts }
        log.write(.warning, "sessions_from_ahead") { line in
            line.add("sub", first.id.description)
            line.add("count", late.count)
            line.add("milliseconds", first.sessionsFrom - now)
            line.add(
                "remedy", "set the clock of the machine that changes the users; until then new sessions count from now")
        }
        return accounts.admittingSessions(from: times.mapValues(\.applied))
    }

    /// A time in the future, and the time that is applied instead: when it was read first.
    private struct Ahead {
        let requested: Int64
        let applied: Int64
    }

    private func endSessions(of users: [User]) {
        for user in users {
            revocations.cut(
                .subject, name: Array(user.id.description.utf8), reason: RevocationReason.accountChanged.rawValue
            ) { [log] result in
                guard case .failure(let fault) = result else { return }
                log.write(.error, "sessions_end_not_durable") { line in
                    line.add("sub", user.id.description)
                    line.add("reason", "\(fault)")
                }
            }
        }
    }

    /// The algorithm of access tokens for `audience` when `client` asked for them.
    func algorithm(audience: String, client: Client?) -> Algorithm {
        if settings.sharedSecretAudiences.contains(audience) { return .hs256 }
        if let name = client?.algorithm, let algorithm = Algorithm(rawValue: name) { return algorithm }
        return settings.algorithm
    }
}
