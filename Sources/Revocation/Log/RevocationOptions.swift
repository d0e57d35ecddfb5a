package import Platform

/// The configuration of a ``RevocationStore``. All times are in milliseconds.
package struct RevocationOptions: Sendable {
    /// Where revocations and rotations become durable.
    package var ledger: any LedgerSource
    /// How long after a rotation its response can be requested again.
    package var grace: Int64
    /// The maximum lifetime of a new session, from its login to its absolute end. Nil for a process that begins no
    /// sessions; the limits that the log has recorded remain in force.
    package var sessionMax: Int64?
    /// Whether the entries of sessions are kept.
    package var entries = SessionEntryRule.kept(idle: nil)
    /// What publishes new revocations; nil if nothing does.
    package var feed: RevocationFeed?
    /// How long a revoke-before time is kept at least.
    package var cutLifetimeMin: Int64 = 0
    /// How many seconds the clocks of other servers that issue the same tokens may be ahead of the clock here.
    package var clockSpread: Int64 = 0
    package var clock: WallClock
    /// A clock that cannot be set, such as CLOCK_MONOTONIC.
    package var monotonicNow: @Sendable () -> Int64
    package var random: @Sendable () -> UInt64

    package init(
        ledger: any LedgerSource, grace: Int64, sessionMax: Int64?, clock: WallClock,
        monotonicNow: @escaping @Sendable () -> Int64, random: @escaping @Sendable () -> UInt64
    ) {
        self.ledger = ledger
        self.grace = grace
        self.sessionMax = sessionMax
        self.clock = clock
        self.monotonicNow = monotonicNow
        self.random = random
    }
}
