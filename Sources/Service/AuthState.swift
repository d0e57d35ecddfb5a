package import Accounts
import Encoding
import JOSE
package import Keys
package import Platform
package import Revocation
import Synchronization
package import Telemetry
import Tokens

/// Everything that all loops share: accounts, keys, revocations, and the workers that hash passwords.
package final class AuthState: Sendable {
    /// The `client_id` of sessions that a person opened without a registered client in between.
    package static let firstPartyClient = "first-party"
    /// The `client_id` of tokens from `martlet mint`, unless another was named there.
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
    /// Milliseconds of a clock that only goes forward: what durations are measured with.
    package let monotonic: @Sendable () -> Int64
    package let log: Log
    package let counters = ServiceCounters()
    /// Random octets, as many as asked for.
    let random: @Sendable (Int) -> [UInt8]
    /// Users whose `sessions_from` lay ahead of the clock when the accounts were read.
    private let ahead = Mutex<[UUID: Ahead]>([:])
    /// Stores a stronger hash for a user whose stored one was weak.
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

    /// Takes up changed accounts.
    ///
    /// An account whose `sessions_from` changed has all sessions ended that began before this moment, not only before that
    /// one: until now the old password was good, and after a clock that jumped, sessions may be dated later than they began.
    /// A lower one is a change like a higher one: it is what a new password gets after the clock was set back.
    ///
    /// A `sessions_from` ahead of the clock, as a command on a machine with a faster one writes it, ends the sessions of now:
    /// the user would be locked out until that time, since every new session began before it.
    package func takeUp(_ changed: UserDirectory) {
        let before = users.current
        let known = ahead.withLock { $0 }
        users.replace(with: settled(changed))
        endSessions(
            of: changed.users.filter { user in
                guard let last = known[user.id]?.demanded ?? before.standing(of: user.id)?.sessionsFrom else {
                    return false
                }
                return last != user.sessionsFrom
            })
    }

    /// Looks at the accounts that the start read. What was changed before the start is in no record of the journal, so
    /// where a `sessions_from` is ahead of the clock, all sessions of the user end.
    package func settleAtStart() {
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
                // Reading the same again ends no session that began since.
                let known = ahead[user.id].flatMap { $0.demanded == user.sessionsFrom ? $0 : nil }
                times[user.id] = known ?? Ahead(demanded: user.sessionsFrom, taken: now)
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
        return accounts.admittingSessions(from: times.mapValues(\.taken))
    }

    /// A time that was asked for, and the one that is applied in its place: when it was read first.
    private struct Ahead {
        let demanded: Int64
        let taken: Int64
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
