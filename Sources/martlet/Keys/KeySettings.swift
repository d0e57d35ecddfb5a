import Accounts
import App
import JOSE
import Keys
import Service
import Tokens

/// The settings of the service that the key commands need, read from the same environment by the same rules.
struct KeySettings {
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
            algorithm = configuration.authState.algorithm
            lead = configuration.keyLead
            setMaxAge = configuration.authState.keySetMaxAge
            authState = configuration.authState
            clientsPath = configuration.clientsPath
            retention = KeyRetention(refreshIdle: configuration.authState.refreshIdle)
        } catch {
            throw .usage(error.mistakes.joined(separator: "\n"))
        }
    }

    /// Reads the clients, which can require specific algorithms; without a file there are none.
    func clients() throws(CommandError) -> ClientDirectory {
        do throws(AccountsError) { return try ClientDirectory.load(clientsPath) } catch { throw .accounts(error) }
    }

    /// Returns the algorithms that no key would sign any more after `changed` is written, although the settings or a
    /// client require them.
    func newlyMissing(_ set: KeySet, _ changed: [Key], _ clients: ClientDirectory, at now: Int64) -> String? {
        let kept = set.keys.filter { key in !changed.contains { $0.kid == key.kid } }
        // Times are stored in whole seconds.
        let end = now + 1_000
        let before = Set(missing(set.keys, clients, at: now))
        return missing(kept + changed, clients, at: end).first { !before.contains($0) }
    }

    /// Returns the algorithms that none of `keys` signs although the settings or a client require them.
    func missing(_ keys: [Key], _ clients: ClientDirectory, at now: Int64) -> [String] {
        guard let keyring = try? Keyring(KeySet(keys).living(at: now)) else { return [] }
        return authState.missingSigners(in: keyring, for: clients, at: now)
    }

    static func milliseconds(_ text: String) throws(CommandError) -> Int64 {
        guard let time = Configuration.milliseconds(text), time <= 604_800_000 else {
            throw .usage("--lead must be a time such as 90s, 15m or 1h, at most 7d")
        }
        return time
    }
}
