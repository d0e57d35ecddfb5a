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

/// Looks after the keys of a running service: takes up changed files, drops keys that have ended, cuts compromised ones,
/// and rotates by schedule.
final class KeyRotationJob: Sendable {
    private struct State {
        var stamp: [FileStamp] = []
        var set = KeySet([])
        /// When a key leaves the published set.
        var nextEnd: Int64?
        var readAt: Int64 = .min
        var said: [String: KeyState] = [:]
        /// Marked as compromised in files that cannot be used otherwise.
        var unread: Set<String> = []
        /// Compromised keys whose cut is on its way or durable.
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

    /// Whether files changed, a key ended, or the clock went back before an end, since the last ``takeUp(stamp:)``.
    func isBehind(_ stamp: [FileStamp]) -> Bool {
        let now = authState.clock.now
        return state.withLock { $0.stamp != stamp || $0.nextEnd.map { $0 <= now } ?? false || now < $0.readAt }
    }

    func stamp() -> [FileStamp] { directory.stamp() }

    /// The keys as they are applied now, ended and compromised ones included.
    var applied: [AppliedKey] {
        let now = authState.clock.now
        let set = state.withLock { $0.set }
        return set.keys.map { AppliedKey(key: $0, state: set.state(of: $0, at: now)) }
    }

    /// - Parameters:
    ///   - stamp: of before the reading, so that a change in between is seen the next time.
    ///   - isStart: whether all that is cut was read from the journal, and so is durable.
    func takeUp(stamp: [FileStamp], isStart: Bool = false) throws(StartError) {
        let now = authState.clock.now
        // Before the reading: a command that sees no mark has written what is read now.
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
            authState.keyring.replace(with: keyring)
            state.withLock { state in
                state.set = set
                state.unread = []
                state.nextEnd = set.nextEnd(after: now)
            }
        } catch {
            // Not to be tried again before something changes: it would say the same four times a second.
            state.withLock { $0.nextEnd = nil }
            applyMarks(now)
            throw StartError(error)
        }
        if isStart { noteDurableCuts() }
        cutCompromised()
        sayChanges()
    }

    /// Ends the keys that are marked as compromised although the set cannot be read as a whole: the owner of a leaked key
    /// does not wait for that.
    private func applyMarks(_ now: Int64) {
        let marks = directory.compromisedMarks()
        guard !marks.isEmpty else { return }
        let set = state.withLock { state in
            state.set = KeySet(
                state.set.keys.map { key in
                    marks.contains(key.kid) ? key.with(key.lifecycle.compromised(at: now - now % 1_000)) : key
                })
            state.unread = marks.filter { state.set.key($0) == nil }
            return state.set
        }
        // Without a refresh secret there is no keyring; what the compromised one signed is cut all the same.
        if let keyring = try? Keyring(set.living(at: now)) { authState.keyring.replace(with: keyring) }
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

    /// - Throws: when clients are about to ask for an algorithm that nothing signs.
    func check(_ clients: ClientDirectory) throws(StartError) {
        let keyring = authState.keyring.current
        let now = authState.clock.now
        let before = authState.missingSigners(in: keyring, for: authState.clients.current, at: now)
        let missing = authState.missingSigners(in: keyring, for: clients, at: now).filter { !before.contains($0) }
        guard missing.isEmpty else { throw .signersMissing(missing, keysPath: directory.path) }
    }

    /// What `keyring` would no longer sign although it is asked for: reason enough to go on with the keys as they are.
    ///
    /// A key that was compromised is given up whatever is left, and what nothing signs today is no worse afterwards.
    private func newlyMissing(in keyring: Keyring, _ set: KeySet, at now: Int64) -> [String] {
        let current = authState.keyring.current
        let before = Set(authState.missingSigners(in: current, for: authState.clients.current, at: now))
        let compromised = Set(set.compromised.map(\.kid))
        return authState.missingSigners(in: keyring, for: authState.clients.current, at: now).filter { name in
            let signer =
                Algorithm(rawValue: name).map { current.signingKey(for: $0, at: now) } ?? current.refreshKey(at: now)
            return !before.contains(name) && signer.map { !compromised.contains($0.kid) } ?? true
        }
    }

    /// Makes every compromised key's refusal durable: the file may go, the cut stays.
    func cutCompromised() {
        let waiting = state.withLock { state in
            (state.set.compromised.map(\.kid) + state.unread.sorted()).filter { state.cut.insert($0).inserted }
        }
        // Whether the memory has the cut says nothing: one that could not be written is there as well.
        for kid in waiting {
            authState.revocations.cut(
                .key, name: Array(kid.utf8), reason: RevocationReason.operatorAction.rawValue
            ) { [self] result in
                switch result {
                case .success(let seq):
                    authState.log.write(.warning, "key_cut") { line in
                        line.add("kid", kid)
                        line.add("seq", Int64(clamping: seq))
                    }
                case .failure(let fault):
                    // The next round tries again; until then the key is refused because no keyring holds it.
                    state.withLock { _ = $0.cut.remove(kid) }
                    authState.log.write(.error, "key_cut_not_durable") { line in
                        line.add("kid", kid)
                        line.add("reason", "\(fault)")
                    }
                }
            }
        }
    }

    /// One log line for each key that came to another state since the last look.
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

    /// Gives every kind of key whose time has come a successor. Of several processes one does it, and all take it up.
    func rotateIfDue() {
        let now = authState.clock.now
        guard state.withLock({ !schedule.due($0.set, at: now).isEmpty }) else { return }
        do throws(KeyDirectoryError) {
            let written = try directory.edit(now: now, patienceMilliseconds: 0) { (set) throws(KeyStepError) in
                // Read again under the lock: another process may just have done it.
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
