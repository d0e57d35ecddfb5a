/// When a key signs and verifies, in milliseconds since 1970. An absent time sets no limit.
package struct KeyLifecycle: Equatable, Sendable {
    package let createdAt: Int64
    /// First moment of signing, so that verifiers know the key before they meet it (C9).
    package let signsFrom: Int64?
    /// The moment from which the key signs no more.
    package let signsUntil: Int64?
    /// The moment from which its signatures count no more and it is no longer published.
    package let verifiesUntil: Int64?
    /// When the key was declared compromised: whatever the clock says, it neither signs nor verifies.
    package let compromisedAt: Int64?

    package init(
        createdAt: Int64, signsFrom: Int64? = nil, signsUntil: Int64? = nil, verifiesUntil: Int64? = nil,
        compromisedAt: Int64? = nil
    ) {
        self.createdAt = createdAt
        self.signsFrom = signsFrom
        self.signsUntil = signsUntil
        self.verifiesUntil = verifiesUntil
        self.compromisedAt = compromisedAt
    }

    /// What newest means among keys that may sign.
    package var begin: Int64 { signsFrom ?? createdAt }

    func signs(at now: Int64) -> Bool {
        // A key without a start is usable at once, even while the clock stands before its creation.
        (signsFrom.map { $0 <= now } ?? true) && (signsUntil.map { now < $0 } ?? true) && verifies(at: now)
    }

    func verifies(at now: Int64) -> Bool {
        compromisedAt == nil && (verifiesUntil.map { now < $0 } ?? true)
    }

    /// As it is, but signing from `time` on, which stands in whole seconds as files do.
    package func signing(from time: Int64) -> KeyLifecycle {
        KeyLifecycle(createdAt: createdAt, signsFrom: time, signsUntil: nil, verifiesUntil: nil)
    }

    /// As it is, but signing only until `time`, if it signed any longer, and verifying for `keep` milliseconds more.
    package func ending(at time: Int64, keep: Int64) -> KeyLifecycle {
        guard signsUntil.map({ $0 > time }) ?? true else { return self }
        let (sum, overflow) = time.addingReportingOverflow(keep)
        let end = overflow ? Int64.max : sum
        return KeyLifecycle(
            createdAt: createdAt, signsFrom: signsFrom, signsUntil: time,
            // Never longer than was said before: who counts on an earlier end must not be disappointed.
            verifiesUntil: min(verifiesUntil ?? end, end))
    }

    /// As it is, but signing and verifying without an end.
    package var unending: KeyLifecycle {
        KeyLifecycle(createdAt: createdAt, signsFrom: signsFrom)
    }

    /// As it is, but ended at `time`; a second time changes nothing.
    package func compromised(at time: Int64) -> KeyLifecycle {
        KeyLifecycle(
            createdAt: createdAt, signsFrom: signsFrom, signsUntil: min(signsUntil ?? time, time),
            verifiesUntil: min(verifiesUntil ?? time, time), compromisedAt: compromisedAt ?? time)
    }
}
