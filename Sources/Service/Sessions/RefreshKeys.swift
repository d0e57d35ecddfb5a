package import Keys
import Platform
import Revocation
import Synchronization

/// When a running service got each refresh secret that it did not start with. Key files have whole seconds only.
final class RefreshKeyArrivals: Sendable {
    private let times = Mutex<[String: UnixMilliseconds]>([:])

    /// - Parameters:
    ///   - old: the keyring until now.
    ///   - new: the keyring from now on.
    func note(_ old: Keyring, _ new: Keyring, at now: UnixMilliseconds) {
        let (before, after) = (Self.kids(of: old), Self.kids(of: new))
        times.withLock { times in
            times = times.filter { after.contains($0.key) }
            for kid in after.subtracting(before) { times[kid] = now }
        }
    }

    func time(of key: Key) -> UnixMilliseconds? { times.withLock { $0[key.kid] } }

    private static func kids(of keyring: Keyring) -> Set<String> {
        Set(keyring.keys.filter { $0.purpose == .refresh }.map(\.kid))
    }
}

extension AuthState {
    /// How long after its end a secret may still have signed for a request that had begun, in milliseconds.
    private static let handover: Int64 = 2_000

    /// Lets all event loops use other keys from their next request on.
    package func replaceKeyring(with new: Keyring) {
        refreshKeyArrivals.note(keyring.current, new, at: clock.now)
        keyring.replace(with: new)
    }

    /// Whether the refresh token that a session got at `time` can still be valid, as far as its secret decides that.
    ///
    /// The journal does not say which secret signed a token, so this compares times. The answer is yes if that is not
    /// certain, because a user must see every session that continues.
    func mayRefresh(lastUsedAt time: UnixMilliseconds) -> Bool {
        // Without a revoked key, a token is valid for as long as its session, and a later one has another key.
        guard let revoked = revocations.newestKeyRevocation, time < revoked else { return true }
        return keyring.current.keys.contains { key in
            key.purpose == .refresh && mayHaveSigned(key, at: time) && !revocations.isCut(key: Array(key.kid.utf8))
        }
    }

    /// A secret signs nothing before it exists, and nothing long after its end. A time of creation in the future comes from
    /// a clock that was ahead.
    private func mayHaveSigned(_ key: Key, at time: UnixMilliseconds) -> Bool {
        let created = key.lifecycle.createdAt
        if created <= clock.now, time < max(created, refreshKeyArrivals.time(of: key) ?? created) { return false }
        return key.lifecycle.signsUntil.map { time <= $0.adding(milliseconds: Self.handover) } ?? true
    }
}
