/// When a key signs and verifies, in milliseconds since 1970. An absent time sets no limit.
package struct KeyLifecycle: Equatable, Sendable {
    package let createdAt: Int64
    /// First moment of signing, so that verifiers know the key before they meet it (C9).
    package let signsFrom: Int64?
    /// The moment from which the key signs no more.
    package let signsUntil: Int64?
    /// The moment from which its signatures count no more and it is no longer published.
    package let verifiesUntil: Int64?

    package init(
        createdAt: Int64, signsFrom: Int64? = nil, signsUntil: Int64? = nil, verifiesUntil: Int64? = nil
    ) {
        self.createdAt = createdAt
        self.signsFrom = signsFrom
        self.signsUntil = signsUntil
        self.verifiesUntil = verifiesUntil
    }

    /// What newest means among keys that may sign.
    package var begin: Int64 { signsFrom ?? createdAt }

    func signs(at now: Int64) -> Bool {
        // A key without a start is usable at once, even while the clock stands before its creation.
        (signsFrom.map { $0 <= now } ?? true) && (signsUntil.map { now < $0 } ?? true) && verifies(at: now)
    }

    func verifies(at now: Int64) -> Bool {
        verifiesUntil.map { now < $0 } ?? true
    }
}
