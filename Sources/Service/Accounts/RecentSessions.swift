import Encoding
import Platform
import Synchronization

/// The sessions that this process opened last. When a changed account is read, those are among them that began with the
/// account as it was before.
final class RecentSessions: Sendable {
    /// How many are kept.
    private static let countMax = 65_536

    private struct Entry {
        let user: UUID
        let sid: UUID
        /// The `sessions_from` of the account that the login was checked with.
        let sessionsFrom: UnixMilliseconds
        let hasDevice: Bool
    }

    private struct State {
        var entries: [Entry] = []
        /// Sessions that began earlier may be missing.
        var completeFrom: UnixMilliseconds
    }

    private let state: Mutex<State>

    init(from now: UnixMilliseconds) { state = Mutex(State(completeFrom: now)) }

    func note(_ sid: UUID, of user: UUID, sessionsFrom: UnixMilliseconds, hasDevice: Bool) {
        let entry = Entry(user: user, sid: sid, sessionsFrom: sessionsFrom, hasDevice: hasDevice)
        state.withLock { state in
            if state.entries.count >= Self.countMax {
                let dropped = state.entries.prefix(Self.countMax / 2)
                let newest = dropped.map(\.sid.milliseconds).max() ?? 0
                state.completeFrom = max(state.completeFrom, newest.adding(milliseconds: 1))
                state.entries.removeFirst(dropped.count)
            }
            state.entries.append(entry)
        }
    }

    /// What a user opened here after the time from which sessions count, with the account as it was before.
    enum Late: Equatable {
        /// All of them.
        case sessions([UUID])
        /// Some may be unknown, or have a device token, which cannot be ended alone.
        case unknown
    }

    /// - Parameter times: the new `sessions_from` of users.
    func late(_ times: [UUID: UnixMilliseconds]) -> [UUID: Late] {
        state.withLock { state in
            var found = times.mapValues { $0 < state.completeFrom ? Late.unknown : .sessions([]) }
            for entry in state.entries {
                guard let from = times[entry.user], entry.sessionsFrom != from, entry.sid.milliseconds >= from,
                    case .sessions(let sids) = found[entry.user]
                else { continue }
                found[entry.user] = entry.hasDevice ? .unknown : .sessions(sids + [entry.sid])
            }
            return found
        }
    }
}
