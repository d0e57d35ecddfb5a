package import Platform

/// The times at which a key signs and verifies. An absent time sets no limit.
package struct KeyLifecycle: Equatable, Sendable {
    package let createdAt: UnixMilliseconds
    /// The first moment of signing; later than publication, so that verifiers have the key before they need it.
    package let signsFrom: UnixMilliseconds?
    /// The moment from which the key no longer signs.
    package let signsUntil: UnixMilliseconds?
    /// The moment from which its signatures are rejected and it is no longer published.
    package let verifiesUntil: UnixMilliseconds?
    /// When the key was declared compromised. If set, the key neither signs nor verifies at any time.
    package let compromisedAt: UnixMilliseconds?

    package init(
        createdAt: UnixMilliseconds, signsFrom: UnixMilliseconds? = nil, signsUntil: UnixMilliseconds? = nil,
        verifiesUntil: UnixMilliseconds? = nil,
        compromisedAt: UnixMilliseconds? = nil
    ) {
        self.createdAt = createdAt
        self.signsFrom = signsFrom
        self.signsUntil = signsUntil
        self.verifiesUntil = verifiesUntil
        self.compromisedAt = compromisedAt
    }

    /// The time that decides which of several signing keys is the newest.
    package var begin: UnixMilliseconds { signsFrom ?? createdAt }

    func signs(at now: UnixMilliseconds) -> Bool {
        // A key without a start time is usable at once, even if the clock is before its creation.
        (signsFrom.map { $0 <= now } ?? true) && (signsUntil.map { now < $0 } ?? true) && verifies(at: now)
    }

    func verifies(at now: UnixMilliseconds) -> Bool {
        compromisedAt == nil && (verifiesUntil.map { now < $0 } ?? true)
    }

    /// Returns a life cycle that signs from `time` on, without an end.
    ///
    /// - Parameter time: a whole second, as in key files.
    package func signing(from time: UnixMilliseconds) -> KeyLifecycle {
        KeyLifecycle(createdAt: createdAt, signsFrom: time, signsUntil: nil, verifiesUntil: nil)
    }

    /// Returns a life cycle that signs until `time` at the latest, and verifies for `keep` milliseconds after that.
    package func ending(at time: UnixMilliseconds, keep: Int64) -> KeyLifecycle {
        guard signsUntil.map({ $0 > time }) ?? true else { return self }
        let end = time.adding(milliseconds: keep)
        return KeyLifecycle(
            createdAt: createdAt, signsFrom: signsFrom, signsUntil: time,
            // Never extends an earlier end, because other systems may already rely on it.
            verifiesUntil: min(verifiesUntil ?? end, end))
    }

    /// A copy that signs and verifies without an end.
    package var unending: KeyLifecycle {
        KeyLifecycle(createdAt: createdAt, signsFrom: signsFrom)
    }

    /// Returns a copy that ends at `time` and is marked as compromised; a copy already marked keeps its time.
    package func compromised(at time: UnixMilliseconds) -> KeyLifecycle {
        KeyLifecycle(
            createdAt: createdAt, signsFrom: signsFrom, signsUntil: min(signsUntil ?? time, time),
            verifiesUntil: min(verifiesUntil ?? time, time), compromisedAt: compromisedAt ?? time)
    }
}
