package import Journal
package import Platform

/// What a store needs from outside. All times in milliseconds.
package struct RevocationOptions: Sendable {
    package var storage: any JournalStorage
    /// How long after a rotation its answer may be asked for again.
    package var grace: Int64
    /// The longest that a session may last that begins from now on, from its login to its absolute end. Nil for a process
    /// that begins none: what the journal notes of limits goes on to count.
    package var sessionMax: Int64?
    /// So long a cut is kept at least.
    package var cutLifetimeMin: Int64 = 0
    package var clock: WallClock
    /// A clock that nobody sets, such as CLOCK_MONOTONIC.
    package var monotonicNow: @Sendable () -> Int64
    package var random: @Sendable () -> UInt64
    /// Told by the journal's thread what happens to it; must be short.
    package var observe: @Sendable (JournalEvent) -> Void = { _ in }
    /// Nil for the journal's own measure.
    package var segmentRecordCount: UInt64?
    package var pace = JournalPace.thread
    /// Octets laid by for revocations on a full disk.
    package var reserveByteCount = 0
    /// What was seen of the journal before, and kept in other places.
    package var sightings: [HighWaterMark] = []

    package init(
        storage: any JournalStorage, grace: Int64, sessionMax: Int64?, clock: WallClock,
        monotonicNow: @escaping @Sendable () -> Int64, random: @escaping @Sendable () -> UInt64
    ) {
        self.storage = storage
        self.grace = grace
        self.sessionMax = sessionMax
        self.clock = clock
        self.monotonicNow = monotonicNow
        self.random = random
    }

    package init(
        directory: String, grace: Int64, sessionMax: Int64?, clock: WallClock,
        monotonicNow: @escaping @Sendable () -> Int64, random: @escaping @Sendable () -> UInt64
    ) {
        self.init(
            storage: DirectoryStorage(path: directory), grace: grace, sessionMax: sessionMax, clock: clock,
            monotonicNow: monotonicNow, random: random)
    }
}

/// What a start found and did.
package struct StartReport: Equatable, Sendable {
    package let journal: JournalReport
    package let durationMilliseconds: Int64
    package let counts: RevocationCounts
}

package struct RevocationCounts: Equatable, Sendable {
    package let revokedTokens: Int
    package let revokedSessions: Int
    package let rotatedSessions: Int
    package let cuts: Int
}
