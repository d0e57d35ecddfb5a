package import Accounts
package import Encoding
package import Platform
package import Revocation
import Synchronization
package import Telemetry

/// The users of `users.json`, which App reads.
package final class FileAccountSource: AccountSource {
    package let index: Published<PublishedIndex>
    private let users: Published<UserDirectory>
    private let revocations: RevocationStore
    private let clock: WallClock
    private let log: Log
    private let write: @Sendable (_ user: User, _ hash: String) throws -> Void
    private let replaceHash: ReplaceHash
    /// Locked while users are read and published: a file that was read before a password was replaced must not be
    /// published after it.
    private let updates = Mutex(())
    private let recent: RecentSessions
    /// Users whose `sessions_from` was in the future when the accounts were read.
    private let ahead = Mutex<[UUID: Ahead]>([:])

    /// Replaces the hash of a user in the file if `isExpected` accepts the user, and returns the users of the file.
    package typealias ReplaceHash =
        @Sendable (_ user: UUID, _ hash: String, _ isExpected: (User) -> Bool) throws(AccountsError) -> UserDirectory

    /// - Parameters:
    ///   - storeHash: writes a stronger hash of the same password to the file.
    ///   - replaceHash: writes the hash of a new password to the file.
    package init(
        _ users: UserDirectory, revocations: RevocationStore, clock: WallClock, log: Log,
        storeHash: @escaping @Sendable (User, String) throws -> Void, replaceHash: @escaping ReplaceHash
    ) {
        self.users = Published(users)
        index = Published(.directory(users))
        self.revocations = revocations
        self.clock = clock
        self.log = log
        write = storeHash
        self.replaceHash = replaceHash
        recent = RecentSessions(from: clock.now)
    }

    package var current: UserDirectory { users.current }

    package func user(named name: String, later: @escaping Completion) -> AccountAnswer {
        .now(current.user(named: name))
    }

    package func user(id: UUID, later: @escaping Completion) -> AccountAnswer {
        .now(current.user(id: id))
    }

    package func noteSession(_ sid: UUID, of user: UUID, _ standing: User.Standing, hasDevice: Bool) {
        recent.note(sid, of: user, sessionsFrom: standing.sessionsFrom, hasDevice: hasDevice)
    }

    package func storeHash(_ hash: String, of user: User) throws {
        try write(user, hash)
    }

    package func replacePassword(with hash: String, of user: User) throws(AccountSourceError) -> User? {
        try updating { () throws(AccountSourceError) in
            let sessionsFrom =
                ahead.withLock { $0[user.id]?.requested } ?? current.standing(of: user.id)?.sessionsFrom
            let stored: UserDirectory
            do throws(AccountsError) {
                stored = try replaceHash(user.id, hash) { found in
                    found.passwordHash == user.passwordHash && !found.isDisabled && found.sessionsFrom == sessionsFrom
                }
            } catch {
                throw AccountSourceError(reason: "\(error)")
            }
            apply(stored)
            return current.user(id: user.id)
        }
    }

    /// Runs `body`, which reads users and applies them, while nothing else does.
    package func updating<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        try updates.withLock { _ throws(Failure) in try body() }
    }

    /// Replaces the users without comparing them with the previous ones.
    package func replace(with accounts: UserDirectory) {
        // The index first: it must not admit a session that a lookup no longer would.
        index.replace(with: .directory(accounts))
        users.replace(with: accounts)
    }

    /// Applies changed accounts.
    ///
    /// If the `sessions_from` of an account changed, all its sessions end that began before that time, and those that
    /// began here until now with the account as it was: the old password was valid until now. Every process that reads the
    /// file ends the same sessions, whenever it reads it, and none that began with the new password. A lower time counts as
    /// a change too: a new password gets one after the clock was set back. Then, and if the time or the clock is in doubt,
    /// everything ends that began before now.
    ///
    /// The sessions of a user who was disabled or removed end as well, for readers of revocations who have no users.
    ///
    /// A command on a machine whose clock is ahead writes a `sessions_from` in the future. It ends the current sessions, and
    /// new sessions are valid at once; otherwise the user would be locked out until that time.
    package func apply(_ changed: UserDirectory) {
        let before = current
        let known = ahead.withLock { $0 }
        replace(with: settled(changed))
        var times: [UUID: UnixMilliseconds] = [:]
        var ended: Set<UUID> = []
        for user in before.users {
            let last = known[user.id]?.requested ?? user.sessionsFrom
            guard let new = changed.user(id: user.id) else {
                ended.insert(user.id)
                continue
            }
            if new.sessionsFrom > last, new.sessionsFrom <= clock.now {
                times[user.id] = new.sessionsFrom
            } else if new.sessionsFrom != last || (new.isDisabled && !user.isDisabled) {
                ended.insert(user.id)
            }
        }
        endSessions(of: ended)
        endSessions(from: times)
    }

    /// Ends what the accounts say that the start read: the journal has no record of a change while no process was running.
    ///
    /// All sessions of a user end whose `sessions_from` is in the future.
    package func applySessionLimitsAtStart() {
        let accounts = current
        let settled = settled(accounts)
        if settled !== accounts { replace(with: settled) }
        let late = ahead.withLock { $0 }
        endSessions(of: Set(late.keys))
        for user in accounts.users where late[user.id] == nil {
            let name = Array(user.id.description.utf8)
            let hasTime = user.sessionsFrom > 0
            guard hasTime || user.isDisabled, !revocations.isCut(subject: name, from: user.sessionsFrom) else {
                continue
            }
            end(user.id, from: hasTime ? user.sessionsFrom : nil)
        }
    }

    private func settled(_ accounts: UserDirectory) -> UserDirectory {
        let now = clock.now
        let late = accounts.users.filter { $0.sessionsFrom > now }
        let times = ahead.withLock { ahead in
            var times: [UUID: Ahead] = [:]
            for user in late {
                // Reading the same time again ends no session that began after it was read first.
                let known = ahead[user.id].flatMap { $0.requested == user.sessionsFrom ? $0 : nil }
                times[user.id] = known ?? Ahead(requested: user.sessionsFrom, applied: now)
            }
            ahead = times
            return times
        }
        guard let first = late.first else { return accounts }
        log.write(.warning, "sessions_from_ahead") { line in
            line.add("sub", first.id)
            line.add("count", late.count)
            line.add("milliseconds", first.sessionsFrom.milliseconds(since: now))
            line.add(
                "remedy", "set the clock of the machine that changes the users; until then new sessions count from now")
        }
        return accounts.admittingSessions(from: times.mapValues(\.applied))
    }

    /// A time in the future, and the time that is applied instead: when it was read first.
    private struct Ahead {
        let requested: UnixMilliseconds
        let applied: UnixMilliseconds
    }

    private func endSessions(of users: Set<UUID>) {
        for user in users.sorted() { end(user, from: nil) }
    }

    private func endSessions(from times: [UUID: UnixMilliseconds]) {
        guard !times.isEmpty else { return }
        // Identifiers ahead of the clock: sessions have later dates than they should.
        let isAhead = revocations.identifiers.next().milliseconds > clock.now
        let late = recent.late(times)
        for (user, time) in times.sorted(by: { $0.key < $1.key }) {
            guard !isAhead, case .sessions(let sids) = late[user] else {
                end(user, from: nil)
                continue
            }
            end(user, from: time)
            for sid in sids {
                revocations.revokeSession(
                    sid, expiresAt: revocations.latestEnd(of: sid), reason: RevocationReason.accountChanged.rawValue
                ) { [self] in logFailure($0, of: user) }
            }
        }
    }

    /// - Parameter time: nil for now.
    private func end(_ user: UUID, from time: UnixMilliseconds?) {
        revocations.cut(
            .subject, name: Array(user.description.utf8), reason: RevocationReason.accountChanged.rawValue, from: time
        ) { [self] in logFailure($0, of: user) }
    }

    private func logFailure(_ result: Result<LedgerPosition, RevocationError>, of user: UUID) {
        guard case .failure(let fault) = result else { return }
        log.write(.error, "sessions_end_not_durable") { line in
            line.add("sub", user.description)
            line.add("reason", "\(fault)")
        }
    }
}
