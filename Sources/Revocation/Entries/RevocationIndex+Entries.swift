internal import Encoding
import Platform

extension RevocationIndex {
    /// Whether the session of an entry was revoked.
    func isRevoked(_ slot: EntrySlot) -> Bool {
        sessions.contains(slot.sid, at: slot.began)
            || cuts.covers(born: Birth(id: slot.sid.high), sid: slot.sid, subject: slot.subject) {
                switch entries.client(slot) {
                case .name(let name): RevokeBeforeTable.key(.client, Array(name.utf8).span)
                case .key(let key): key
                }
            }
    }

    /// When the session of an entry was last used: refreshed, or opened.
    func lastUse(of slot: EntrySlot) -> UnixMilliseconds {
        max(slot.began, rotations.rotation(of: slot.sid)?.at ?? slot.began)
    }

    /// When a session ends that was last used at `time`. The longer limit counts of that at its login and that of this
    /// process: a token of either may exist.
    func end(of slot: EntrySlot, lastUsedAt time: UnixMilliseconds) -> UnixMilliseconds {
        guard case .kept(let idle?) = entries.rule else { return slot.end }
        return min(slot.end, time.adding(milliseconds: max(idle, slot.idleMilliseconds)))
    }

    /// Removes the entries of sessions that have ended.
    ///
    /// - Parameters:
    ///   - horizon: a time that has certainly passed.
    ///   - revoked: whether those of revoked sessions are removed too; asked after each was found to be revoked. They must
    ///     not be while the revocation of one may be missing in the log: after a restart, a session that continues would not
    ///     be listed.
    func sweepEntries(expiredAt horizon: UnixMilliseconds, revoked: () -> Bool) {
        entries.sweep { slot in
            end(of: slot, lastUsedAt: lastUse(of: slot)) <= horizon || (isRevoked(slot) && revoked())
        }
    }
}
