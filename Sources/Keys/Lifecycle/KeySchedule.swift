import JOSE
package import Platform

/// When keys get successors by themselves (`MARTLET_KEY_ROTATION`). Spans are milliseconds.
package struct KeySchedule: Sendable {
    /// How long a key signs; 0 for no schedule.
    package let period: Int64
    /// How long a successor is published before it signs.
    package let lead: Int64
    package let retention: KeyRetention

    package init(period: Int64, lead: Int64, retention: KeyRetention) {
        self.period = period
        self.lead = lead
        self.retention = retention
    }

    /// The signing keys of `set` whose successor is to be published at `now`.
    ///
    /// HMAC secrets of access tokens are excluded: a backend that verifies with one got it from an operator, who brings
    /// the next one round first.
    package func due(_ set: KeySet, at now: UnixMilliseconds) -> [Key] {
        guard period > 0 else { return [] }
        return set.keys.filter { key in
            guard key.purpose == .refresh || !key.algorithm.isMAC else { return false }
            return set.state(of: key, at: now) == .signing
                && key.lifecycle.begin.adding(milliseconds: period - lead) <= now
                && set.pending(key.purpose, key.algorithm, at: now) == nil
        }
    }

    /// The files to write for the first key that is due; none if none is.
    package func rotation(_ set: KeySet, at now: UnixMilliseconds) throws(KeyStepError) -> [Key] {
        guard let old = due(set, at: now).first else { return [] }
        let successor: Key
        do {
            successor = try Key.generate(old.algorithm, purpose: old.purpose, createdAt: now)
        } catch {
            throw .unmade(error)
        }
        return try set.rotation(to: successor, at: now, lead: lead, keep: retention.keep)
    }
}
