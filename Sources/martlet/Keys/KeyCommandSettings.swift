import Accounts
import App
import JOSE
import Keys
import Platform
import Service
import Tokens

/// The settings of the service that the key commands need, read from the same environment by the same rules.
struct KeyCommandSettings {
    let algorithm: Algorithm
    /// Milliseconds.
    let lead: Int64
    /// How many seconds verifiers may cache the published key set.
    let setMaxAge: Int64
    let retention: KeyRetention
    private let authState: AuthSettings
    private let clientsPath: String

    init() throws(CommandError) {
        do {
            let configuration = try Configuration(environment: Environment.values, cores: Environment.coreCount)
            algorithm = configuration.tokens.auth.algorithm
            lead = configuration.keys.lead
            setMaxAge = configuration.tokens.auth.keySetMaxAge
            authState = configuration.tokens.auth
            clientsPath = configuration.accounts.clientsPath
            retention = configuration.keySchedule.retention
        } catch {
            throw CommandError(error)
        }
    }

    /// Reads the clients, which can require specific algorithms; without a file there are none.
    func clients() throws(CommandError) -> ClientDirectory {
        do throws(AccountsError) { return try ClientDirectory.load(clientsPath) } catch { throw .accounts(error) }
    }

    /// Returns the algorithms that no key would sign any more after `changed` is written, although the settings or a
    /// client require them.
    func newlyMissing(_ set: KeySet, _ changed: [Key], _ clients: ClientDirectory, at now: UnixMilliseconds) -> String?
    {
        let kept = set.keys.filter { key in !changed.contains { $0.kid == key.kid } }
        // Times are stored in whole seconds.
        let end = now.adding(seconds: 1)
        let before = Set(missing(set.keys, clients, at: now))
        return missing(kept + changed, clients, at: end).first { !before.contains($0) }
    }

    /// Returns the algorithms that none of `keys` signs although the settings or a client require them.
    func missing(_ keys: [Key], _ clients: ClientDirectory, at now: UnixMilliseconds) -> [String] {
        guard let keyring = try? Keyring(KeySet(keys).living(at: now)) else { return [] }
        return authState.missingSigners(in: keyring, for: clients, at: now)
    }

    static func milliseconds(_ text: String) throws(CommandError) -> Int64 {
        guard let seconds = TimeSpan.seconds(text), seconds <= KeySettings.leadMax else {
            throw .usage("--lead must be a time such as 90s, 15m or 1h, \(TimeSpan.text(KeySettings.leadMax)) at most")
        }
        return seconds * 1_000
    }
}
