package import Accounts
import JOSE
package import Keys
package import Platform
package import Revocation
package import Telemetry
import Tokens

/// Everything that all event loops share: accounts, keys, revocations, and the threads that hash passwords.
package final class AuthState: Sendable {
    /// The `client_id` of sessions that were opened without a registered client.
    package static let firstPartyClient = "first-party"
    /// The `client_id` of tokens from `martlet mint`, unless the operator names another.
    package static let mintClient = "martlet-mint"

    package let settings: AuthSettings
    /// Changed by ``replaceKeyring(with:)``.
    package let keyring: Published<Keyring>
    let refreshKeyArrivals = RefreshKeyArrivals()
    package let accounts: any AccountSource
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
    /// What a new password must fulfill.
    package let passwordRules: PasswordRules
    /// The feed that this server follows instead of having a journal of its own; nil if it has one.
    package let followed: FollowedFeed?
    /// The engine that the ledger of this server is on; nil if it has a journal of its own, or follows another server.
    package let store: StoreStatus?
    /// How old what is known of revocations is; nil for a server with its own journal, which knows everything.
    package let knowledge: KnowledgeAge?

    package init(
        settings: AuthSettings, keyring: Published<Keyring>, accounts: any AccountSource,
        clients: Published<ClientDirectory>, revocations: RevocationStore, passwords: PasswordHasher,
        hashing: HashingPool,
        throttle: LoginThrottle, clock: WallClock, monotonic: @escaping @Sendable () -> Int64, log: Log,
        random: @escaping @Sendable (Int) -> [UInt8], passwordRules: PasswordRules, followed: FollowedFeed? = nil,
        store: StoreStatus? = nil
    ) {
        self.settings = settings
        self.keyring = keyring
        self.accounts = accounts
        self.clients = clients
        self.revocations = revocations
        self.passwords = passwords
        self.hashing = hashing
        self.throttle = throttle
        self.clock = clock
        self.monotonic = monotonic
        self.log = log
        self.random = random
        self.passwordRules = passwordRules
        self.followed = followed
        self.store = store
        knowledge = followed?.knowledge ?? store?.knowledge
    }

    /// The algorithm of access tokens for `audience` when `client` asked for them.
    func algorithm(audience: String, client: Client?) -> Algorithm {
        if settings.sharedSecretAudiences.contains(audience) { return .hs256 }
        if let name = client?.algorithm, let algorithm = Algorithm(rawValue: name) { return algorithm }
        return settings.algorithm
    }
}
