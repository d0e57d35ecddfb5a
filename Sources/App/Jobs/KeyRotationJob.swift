import API
import Accounts
import Encoding
import JOSE
import Keys
import Platform
import Revocation
import Service
import Synchronization
import Telemetry
import Tokens

/// Manages the keys of a running service: reloads changed files, drops expired keys, revokes compromised ones,
/// and rotates on schedule.
final class KeyRotationJob: Sendable {
    private struct State {
        var stamp: [FileStamp] = []
        var set = KeySet([])
        /// When a key leaves the published set.
        var nextEnd: UnixMilliseconds?
        var readAt = UnixMilliseconds.distantPast
        var said: [String: KeyState] = [:]
        /// Keys marked as compromised in files that are otherwise unusable.
        var unread: Set<String> = []
        /// Compromised keys whose revocation is durable or being written.
        var cut: Set<String> = []
        var isRotationFailing = false
    }

    private let directory: KeyDirectory
    private let use: KeyDirectoryUse
    let authState: AuthState
    private let schedule: KeySchedule
    private let state = Mutex(State())

    init(directory: KeyDirectory, authState: AuthState, schedule: KeySchedule) {
        self.directory = directory
        use = KeyDirectoryUse(path: directory.path)
        self.authState = authState
        self.schedule = schedule
    }

    /// Whether files changed, a key expired, or the clock went back before an expiry, since ``apply(stamp:isStart:)``.
    func isBehind(_ stamp: [FileStamp]) -> Bool {
        let now = authState.clock.now
        return state.withLock { $0.stamp != stamp || $0.nextEnd.map { $0 <= now } ?? false || now < $0.readAt }
    }

    func stamp() -> [FileStamp] { directory.stamp() }

    /// The applied keys, including expired and compromised ones.
    var applied: [AppliedKey] {
        let now = authState.clock.now
        let set = state.withLock { $0.set }
        return set.keys.map { AppliedKey(key: $0, state: set.state(of: $0, at: now)) }
    }

    /// - Parameters:
    ///   - stamp: read before the files, so that the next check notices a change in between.
    ///   - isStart: true if all revocations came from the journal and so are durable.
    func apply(stamp: [FileStamp], isStart: Bool = false) throws(StartError) {
        let now = authState.clock.now
        // Before the files are read: a command that finds no mark has already written what is read below.
        use.mark()
        state.withLock { state in
            state.stamp = stamp
            state.readAt = now
        }
        do throws(KeyDirectoryError) {
            let set = try directory.read()
            let keyring = try directory.keyring(of: set, now: now)
            let missing = newlyMissing(in: keyring, set, at: now)
            guard missing.isEmpty else {
                throw KeyDirectoryError(
                    description: StartError.signersMissing(missing, keysPath: directory.path).description)
            }
            authState.replaceKeyring(with: keyring)
            state.withLock { state in
                state.set = set
                state.unread = []
                state.nextEnd = set.nextEnd(after: now)
            }
        } catch {
            // Retry only after a change. Otherwise the same error would be logged four times a second.
            state.withLock { $0.nextEnd = nil }
            applyMarks(now)
            throw StartError(error)
        }
        if isStart { noteDurableCuts() }
        cutCompromised()
        sayChanges()
    }

    /// Revokes the keys that are marked as compromised even if the set as a whole is unusable: a leaked key must not
    /// remain valid until other files are fixed.
    private func applyMarks(_ now: UnixMilliseconds) {
        let marks = directory.compromisedMarks()
        guard !marks.isEmpty else { return }
        let set = state.withLock { state in
            state.set = KeySet(
                state.set.keys.map { key in
                    marks.contains(key.kid) ? key.with(key.lifecycle.compromised(at: now.seconds.milliseconds)) : key
                })
            state.unread = marks.filter { state.set.key($0) == nil }
            return state.set
        }
        // Without a refresh secret there is no keyring. Tokens of the compromised key are revoked anyway.
        if let keyring = try? Keyring(set.living(at: now)) { authState.replaceKeyring(with: keyring) }
        cutCompromised()
        sayChanges()
    }

    private func noteDurableCuts() {
        state.withLock { state in
            for key in state.set.compromised where authState.revocations.isCut(key: Array(key.kid.utf8)) {
                state.cut.insert(key.kid)
            }
        }
    }

    /// - Throws: if a client requires an algorithm that no key signs.
    func check(_ clients: ClientDirectory) throws(StartError) {
        let keyring = authState.keyring.current
        let now = authState.clock.now
        let before = authState.missingSigners(in: keyring, for: authState.clients.current, at: now)
        let missing = authState.missingSigners(in: keyring, for: clients, at: now).filter { !before.contains($0) }
        guard missing.isEmpty else { throw .signersMissing(missing, keysPath: directory.path) }
    }

    /// The required algorithms that `keyring` could no longer sign. If there are any, the old keys stay in use.
    ///
    /// A compromised key is always dropped, and an algorithm that no key signs today does not count.
    private func newlyMissing(in keyring: Keyring, _ set: KeySet, at now: UnixMilliseconds) -> [String] {
        let current = authState.keyring.current
        let before = Set(authState.missingSigners(in: current, for: authState.clients.current, at: now))
        let compromised = Set(set.compromised.map(\.kid))
        return authState.missingSigners(in: keyring, for: authState.clients.current, at: now).filter { name in
            let signer =
                Algorithm(rawValue: name).map { current.signingKey(for: $0, at: now) } ?? current.refreshKey(at: now)
            return !before.contains(name) && signer.map { !compromised.contains($0.kid) } ?? true
        }
    }

    /// Writes the revocation of every compromised key to the journal. It remains after the key file is deleted.
    func cutCompromised() {
        let waiting = state.withLock { state in
            (state.set.compromised.map(\.kid) + state.unread.sorted()).filter { state.cut.insert($0).inserted }
        }
        // Memory cannot answer this, because it also contains revocations that could not be written.
        for kid in waiting {
            authState.revocations.cut(
                .key, name: Array(kid.utf8), reason: RevocationReason.operatorAction.rawValue
            ) { [self] result in
                switch result {
                case .success(let position):
                    authState.log.write(.warning, "key_cut") { line in
                        line.add("kid", kid)
                        line.add("seq", position.text)
                    }
                case .failure(let fault):
                    // The next round retries. Until then tokens are rejected because no keyring has the key.
                    state.withLock { _ = $0.cut.remove(kid) }
                    authState.log.write(.error, "key_cut_not_durable") { line in
                        line.add("kid", kid)
                        line.add("reason", "\(fault)")
                    }
                }
            }
        }
    }

    /// Logs each key whose state changed since the last call.
    func sayChanges() {
        let now = authState.clock.now
        let changes = state.withLock { state in
            var states: [String: KeyState] = [:]
            var changes: [(Key, KeyState)] = []
            for key in state.set.keys {
                let newest = state.set.state(of: key, at: now)
                states[key.kid] = newest
                if state.said[key.kid] != newest { changes.append((key, newest)) }
            }
            state.said = states
            return changes
        }
        for (key, newest) in changes {
            authState.log.write(newest == .compromised ? .warning : .info, "key_state") { line in
                line.add("kid", key.kid)
                line.add("alg", key.algorithm.rawValue)
                line.add("purpose", key.purpose.rawValue)
                line.add("state", newest.rawValue)
            }
        }
    }

    /// Creates a successor for each key that is due. One of several processes creates it, and all of them reload it.
    func rotateIfDue() {
        let now = authState.clock.now
        guard state.withLock({ !schedule.due($0.set, at: now).isEmpty }) else { return }
        do throws(KeyDirectoryError) {
            let written = try directory.edit(now: now, patienceMilliseconds: 0) { (set) throws(KeyStepError) in
                // Read again under the lock, because another process may just have rotated.
                try schedule.rotation(set, at: now)
            }
            state.withLock { $0.isRotationFailing = false }
            guard let successor = written.first else { return }
            authState.log.write(.info, "key_rotated") { $0.add("kid", successor.kid) }
        } catch {
            let isFirst = state.withLock { state in
                defer { state.isRotationFailing = true }
                return !state.isRotationFailing
            }
            if isFirst { authState.log.write(.error, "key_rotation_failed") { $0.add("reason", error.description) } }
        }
    }
}
