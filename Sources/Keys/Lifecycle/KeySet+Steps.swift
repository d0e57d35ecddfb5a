package import JOSE
package import Platform

extension KeySet {
    /// Publishes `successor` now and lets it sign after `lead`; earlier keys then stop signing, and verify for `keep`.
    ///
    /// - Parameters:
    ///   - lead: milliseconds, longer than verifiers cache the published set.
    ///   - keep: milliseconds, as long as the longest-lived token of that purpose.
    /// - Returns: the changed keys, in the order in which to write them.
    /// - Throws: `.pending` while an earlier successor has not started to sign.
    package func rotation(
        to successor: Key, at now: UnixMilliseconds, lead: Int64, keep: (Key.Purpose) -> Int64
    ) throws(KeyStepError) -> [Key] {
        if let other = pending(successor.purpose, successor.algorithm, at: now) { throw .pending(kid: other.kid) }
        return handover(to: successor, from: now.adding(milliseconds: lead).nextSecond.milliseconds, keep: keep)
    }

    /// Adds an imported key: as a successor if it can sign, otherwise to verify only, from now on.
    ///
    /// - Throws: `.exists`; otherwise as ``rotation(to:at:lead:keep:)``.
    package func admission(
        of key: Key, at now: UnixMilliseconds, lead: Int64, keep: (Key.Purpose) -> Int64
    ) throws(KeyStepError) -> [Key] {
        guard self.key(key.kid) == nil else { throw .exists(kid: key.kid) }
        return key.canSign ? try rotation(to: key, at: now, lead: lead, keep: keep) : [key]
    }

    /// Lets a key sign from the next second on: a published key ahead of its time, or an older key again.
    package func promotion(of kid: String, at now: UnixMilliseconds, keep: (Key.Purpose) -> Int64) throws(KeyStepError)
        -> [Key]
    {
        let key = try living(kid, at: now)
        // In the future, because a token that another key signed in this second must be repeated with that key: a
        // replay returns the same token.
        let begin = now.nextSecond.adding(seconds: 1).milliseconds
        let promoted = key.with(key.lifecycle.signing(from: begin))
        guard promoted.signs(at: begin) else { throw .cannotSign(kid: kid) }
        return handover(to: key, from: begin, keep: keep)
    }

    /// Stops a key from signing; its signatures stay valid for `keep`. If a successor never signed, the key before it
    /// continues.
    ///
    /// - Parameter last: whether the only key of its kind may be retired, which stops the issue of such tokens.
    /// - Throws: `.lastSigner`, always for the last refresh secret.
    package func retirement(
        of kid: String, at now: UnixMilliseconds, keep: (Key.Purpose) -> Int64, last: Bool = false
    ) throws(KeyStepError) -> [Key] {
        let key = try living(kid, at: now)
        let end = now.nextSecond.milliseconds
        var changed: [Key] = []
        if state(of: key, at: now) == .published {
            changed = peers(of: key).filter { $0.lifecycle.signsUntil == key.lifecycle.signsFrom }.map { peer in
                peer.with(peer.lifecycle.unending)
            }
        }
        changed.append(key.with(key.lifecycle.ending(at: end, keep: keep(key.purpose))))
        let signsNow = key.signs(at: now) || state(of: key, at: now) == .published
        let isMissed = replacing(changed).signer(key.purpose, key.algorithm, at: end) == nil
        if signsNow, isMissed, !last || key.purpose == .refresh { throw .lastSigner(kid: kid, key.algorithm) }
        return changed
    }

    /// Ends a key immediately and permanently. If no other key now signs instead, a published successor does so at
    /// once, or else the key that `replacement` returns.
    ///
    /// A second call changes nothing.
    package func compromise(
        of kid: String, at now: UnixMilliseconds, replacement: (Key.Purpose, Algorithm) throws(KeyError) -> Key
    ) throws(KeyStepError) -> [Key] {
        guard let key = key(kid) else { throw .unknown(kid: kid) }
        let time = now.seconds.milliseconds
        var changed = [key.with(key.lifecycle.compromised(at: time))]
        let rest = replacing(changed)
        let isMissed = key.signs(at: now) && rest.signer(key.purpose, key.algorithm, at: now) == nil
        // The replacement is written first, so that a signing key exists at every moment.
        if let successor = pending(key.purpose, key.algorithm, at: now), successor.kid != kid {
            if isMissed { changed.insert(successor.with(successor.lifecycle.signing(from: time)), at: 0) }
        } else if isMissed {
            do { changed.insert(try replacement(key.purpose, key.algorithm), at: 0) } catch { throw .unmade(error) }
        } else if state(of: key, at: now) == .published {
            changed =
                peers(of: key).filter { $0.lifecycle.signsUntil == key.lifecycle.signsFrom }
                .map { $0.with($0.lifecycle.unending) } + changed
        }
        return changed
    }

    private func handover(to successor: Key, from begin: UnixMilliseconds, keep: (Key.Purpose) -> Int64) -> [Key] {
        let ending = peers(of: successor).filter { $0.lifecycle.compromisedAt == nil }
            .map { $0.with($0.lifecycle.ending(at: begin, keep: keep($0.purpose))) }
            .filter { changed in key(changed.kid)?.lifecycle != changed.lifecycle }
        return [successor.with(successor.lifecycle.signing(from: begin))] + ending
    }

    private func living(_ kid: String, at now: UnixMilliseconds) throws(KeyStepError) -> Key {
        guard let key = key(kid) else { throw .unknown(kid: kid) }
        guard key.verifies(at: now) else { throw .isOver(kid: kid, state(of: key, at: now)) }
        return key
    }

    /// Returns the other keys that sign the same kind of token with the same algorithm.
    private func peers(of key: Key) -> [Key] {
        keys.filter { $0.kid != key.kid && $0.purpose == key.purpose && $0.algorithm == key.algorithm }
    }

    private func replacing(_ changed: [Key]) -> KeySet {
        KeySet(keys.map { key in changed.first { $0.kid == key.kid } ?? key })
    }
}
