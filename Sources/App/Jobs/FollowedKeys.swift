import API
import Accounts
import Encoding
import JOSE
import Keys
import Platform
import Service
import Synchronization
import Telemetry

/// The keys of a server that follows another one: the set that the source publishes, and the secrets that both share.
///
/// It signs nothing, so a private key in its directory is a mistake.
final class FollowedKeys: KeyMaintenance {
    private struct State {
        var stamp: [FileStamp] = []
        /// The published set, in the form in which it came.
        var published: [UInt8]
        var secrets: [Key] = []
        var said: Set<String> = []
    }

    private let directory: KeyDirectory
    private let keyring: Published<Keyring>
    private let clock: WallClock
    private let log: Log
    private let state: Mutex<State>

    private static let none = Array("{\"keys\":[]}".utf8)

    /// - Parameter published: the set that was stored; nil if there is none.
    init(
        directory: KeyDirectory, keyring: Published<Keyring>, published: [UInt8]?, clock: WallClock, log: Log
    ) {
        self.directory = directory
        self.keyring = keyring
        self.clock = clock
        self.log = log
        state = Mutex(State(published: published ?? Self.none))
    }

    var applied: [AppliedKey] { keyring.current.keys.map { AppliedKey(key: $0, state: .verifying) } }

    func stamp() -> [FileStamp] { directory.stamp() }

    func isBehind(_ stamp: [FileStamp]) -> Bool { state.withLock { $0.stamp != stamp } }

    func apply(stamp: [FileStamp]) throws(StartError) {
        state.withLock { $0.stamp = stamp }
        let secrets = try readSecrets()
        let published = state.withLock { state in
            state.secrets = secrets
            return state.published
        }
        do throws(KeyError) { try replace(published, secrets) } catch {
            throw StartError(description: "\(directory.path): \(error)")
        }
    }

    /// Applies another published set.
    ///
    /// - Returns: why it cannot be used; then the keys stay as they are.
    func take(published: [UInt8]) -> KeyError? {
        let secrets = state.withLock { $0.secrets }
        do throws(KeyError) { try replace(published, secrets) } catch { return error }
        state.withLock { $0.published = published }
        sayChanges()
        return nil
    }

    private func replace(_ published: [UInt8], _ secrets: [Key]) throws(KeyError) {
        keyring.replace(with: try Keyring(published: published, secrets: secrets, now: clock.now))
    }

    private func readSecrets() throws(StartError) -> [Key] {
        guard directory.exists else { return [] }
        let set: KeySet
        do throws(KeyDirectoryError) { set = try directory.read() } catch { throw StartError(error) }
        for key in set.keys where !key.algorithm.isMAC || key.purpose == .refresh {
            throw StartError(
                description: "\(directory.path): the key \(key.kid) is not a shared secret for access tokens, and a "
                    + "server with \(Setting.follow.name) needs no other. Set \(Setting.keys.name) to a directory without it"
            )
        }
        return set.living(at: clock.now)
    }

    /// The source knows which algorithms its clients need.
    func check(_ clients: ClientDirectory) throws(StartError) {}

    /// The source records revocations of keys.
    func cutCompromised() {}

    func rotateIfDue() {}

    func sayChanges() {
        let kids = Set(keyring.current.keys.map(\.kid))
        let (added, removed) = state.withLock { state in
            defer { state.said = kids }
            return (kids.subtracting(state.said), state.said.subtracting(kids))
        }
        for (kids, name) in [(added, "verifying"), (removed, "removed")] {
            for kid in kids.sorted() {
                log.write(.info, "key_state") { line in
                    line.add("kid", kid)
                    line.add("state", name)
                }
            }
        }
    }
}
