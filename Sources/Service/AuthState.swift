package import Accounts
import Encoding
import JOSE
package import Keys
package import Platform
package import Revocation
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
    package func takeUp(_ changed: UserDirectory) {
        let before = users.current
        users.replace(with: changed)
        for user in changed.users {
            guard let standing = before.standing(of: user.id), standing.sessionsFrom != user.sessionsFrom else {
                continue
            }
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
