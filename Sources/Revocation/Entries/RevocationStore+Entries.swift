package import Encoding
package import Journal
package import Platform
internal import Synchronization

/// The list of a user's own sessions.
extension RevocationStore {
    /// The maximum number of sessions in a list.
    package static let listCountMax = 1_000
    /// The entries that are examined for a list. Sessions that have just ended are among them.
    private static let examinedCountMax = 4_096

    /// The number of sessions with an entry in memory.
    package var listedSessionCount: Int { index.entries.count }

    /// Records a session with its entry before it begins, like ``begin(_:_:)``, and ends the oldest sessions of its
    /// subject beyond a limit.
    ///
    /// The entry and the ends of other sessions are recorded together, the entry first. The others end when all is
    /// durable. Sessions of the same subject that begin at the same time choose one after another which ones end, and
    /// each ends others than those before.
    ///
    /// - Parameters:
    ///   - countMax: how many sessions of the subject may exist, this one included; nil for no limit.
    ///   - replaced: a session that ends with these, and does not count.
    ///   - isOver: whether a session that was last used at a time has ended for a reason that the log does not know.
    ///   - keptUntil: until when the end of a session must be known.
    ///   - done: runs once, with the number of the last record and the sessions that ended, or why nothing was
    ///     recorded.
    /// - Returns: the sessions that will have ended when `done` reports success.
    @discardableResult
    package func begin(
        _ entry: SessionEntry, at now: UnixMilliseconds, countMax: Int?, replacing replaced: ReplacedSession? = nil,
        isOver: (UUID, UnixMilliseconds) -> Bool = { _, _ in false },
        keptUntil: (UUID) -> UnixMilliseconds,
        _ done: @escaping @Sendable (Result<SessionBeginning, JournalError>) -> Void
    ) -> [UUID] {
        let entries = index.entries
        entries.begin(entry)
        let displaced =
            countMax.map { countMax in
                oldest(beyond: countMax, beside: entry, at: now) { $0 == replaced?.sid || isOver($0, $1) }
            } ?? []
        let ends = displaced.map { (sid: $0, expires: keptUntil($0)) }
        var events = [RevocationEvent.sessionListed(entry)]
        events += ends.map { RevocationEvent.sessionDisplaced(sid: $0.sid, expires: $0.expires) }
        if let replaced { events.append(replaced.event) }
        ledger.append(events) { [self] result in
            switch result {
            case .success(let stamp):
                _ = noted.max(entry.sid.high, ordering: .acquiringAndReleasing)
                if let replaced {
                    index.end(replaced, at: stamp.time)
                    entries.remove(replaced.sid, of: entry.subject)
                }
                for (sid, expires) in ends {
                    index.sessions.insert(sid, at: sid.milliseconds, expires: expires)
                    entries.remove(sid, of: entry.subject)
                }
                entries.settle(entry)
                done(.success(SessionBeginning(position: stamp.position, displaced: displaced)))
            case .failure(let fault):
                for sid in displaced { entries.change(sid, of: entry.subject) { $0.remove(.displaced) } }
                entries.remove(entry.sid, of: entry.subject)
                done(.failure(fault))
            }
        }
        return displaced
    }

    private func oldest(
        beyond countMax: Int, beside entry: SessionEntry, at now: UnixMilliseconds,
        _ isOver: (UUID, UnixMilliseconds) -> Bool
    ) -> [UUID] {
        let ended = index.entries.slots(of: entry.subject).filter { slot in
            !isLive(slot, at: now) || isOver(slot.sid, index.lastUse(of: slot))
        }.map(\.sid)
        return index.entries.displace(
            of: entry.subject, beyond: countMax, for: entry.sid, ended: Set(ended))
    }

    /// Returns the live sessions of a subject that have an entry, the newest first, at most ``listCountMax``.
    ///
    /// The cost depends on the number of sessions of this subject only.
    package func sessions(of subject: Span<UInt8>, at now: UnixMilliseconds) -> [ListedSession] {
        let key = RevokeBeforeTable.key(.subject, subject)
        let live = index.entries.slots(of: key, upTo: Self.examinedCountMax).filter {
            !$0.state.contains(.pending) && isLive($0, at: now)
        }
        return live.sorted { $0.sid > $1.sid }.prefix(Self.listCountMax).map { slot in
            // A clock that was ahead must not extend the session.
            let used = min(index.lastUse(of: slot), max(now, slot.began))
            return ListedSession(
                entry: slot.entry(client: index.entries.client(slot)), lastUsedAt: used,
                expiresAt: end(of: slot, lastUsedAt: used))
        }
    }

    /// Ends a session in the list of a subject from now on; this is durable when `done` reports success.
    ///
    /// After a failure the session is revoked in memory, and the caller may try again until it is durable.
    ///
    /// - Parameter expiresAt: until when the end must be known.
    /// - Returns: false if the subject has no such live session with an entry. In that case `done` does not run.
    package func endListed(
        _ sid: UUID, of subject: Span<UInt8>, at now: UnixMilliseconds, expiresAt: UnixMilliseconds,
        reason: UInt16 = 0, _ done: @escaping Completion
    ) -> Bool {
        let key = RevokeBeforeTable.key(.subject, subject)
        guard let slot = index.entries.slot(sid, of: key), !slot.state.contains(.pending),
            slot.state.contains(.ending) || isLive(slot, at: now)
        else { return false }
        index.entries.change(sid, of: key) { $0.insert(.ending) }
        revokeSession(sid, expiresAt: expiresAt, reason: reason) { [index] result in
            if case .success = result { index.entries.remove(sid, of: key) }
            done(result)
        }
        return true
    }

    private func isLive(_ slot: EntrySlot, at now: UnixMilliseconds) -> Bool {
        end(of: slot, lastUsedAt: index.lastUse(of: slot)) > now && !index.isRevoked(slot)
    }

    private func end(of slot: EntrySlot, lastUsedAt used: UnixMilliseconds) -> UnixMilliseconds {
        let end = index.end(of: slot, lastUsedAt: used)
        return sessionMax.map { min(end, slot.began.adding(milliseconds: $0)) } ?? end
    }
}
