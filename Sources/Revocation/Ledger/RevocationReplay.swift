internal import Encoding
package import Platform
internal import Tokens

/// Applies the events of a log that is being opened, and determines what the process records first. One thread uses it.
package final class RevocationReplay {
    let index: RevocationIndex
    /// The lower bound of new identifiers, as the high half of a UUIDv7.
    private(set) var floor: UInt64 = 0
    private(set) var evidence: TimeEvidence
    private(set) var note = LifetimeNote()
    private var gathered = RevocationIndex.Gathered()
    private var limits = SessionLimits()
    private let options: RevocationOptions
    /// When the opening began, in milliseconds of the monotonic clock.
    private let began: Int64

    package init(_ options: RevocationOptions) {
        self.options = options
        began = options.monotonicNow()
        index = RevocationIndex(random: options.random, entries: options.entries)
        evidence = TimeEvidence(lastTime: 0, wall: options.clock.now, monotonic: began)
    }

    /// Applies an event.
    ///
    /// - Parameter stamp: when and where it was recorded.
    package func apply(_ event: RevocationEvent, at stamp: LedgerStamp) {
        index.gather(event, at: stamp, into: &gathered)
        floor = max(floor, RevocationIndex.floor(of: event))
        limits.take(event, at: stamp.time)
        options.feed?.replay(event, at: stamp)
    }

    /// Ends the replay.
    ///
    /// - Parameter lastTime: the time of the last event, in milliseconds since 1970; 0 if there is none.
    /// - Returns: what the log records before it accepts events.
    package func finish(lastTime: UnixMilliseconds) -> LifetimeNote {
        index.take(&gathered)
        // After the clock was set back, a new revoke-before time must still cover the sessions that the log has
        // recorded.
        floor = max(floor, UUID.version7High(milliseconds: lastTime.adding(milliseconds: 1)))
        evidence = TimeEvidence(lastTime: lastTime, wall: options.clock.now, monotonic: began)
        let horizon = evidence.observe(wall: options.clock.now, monotonic: began)
            .adding(milliseconds: -TokenLimits.standard.purgeMargin)
        index.purge(expiredAt: horizon)
        index.sweepEntries(expiredAt: horizon) { true }
        note = limits.note(sessionMax: options.sessionMax, now: max(lastTime, options.clock.now))
        return note
    }

    /// How long opening has taken, in milliseconds.
    var durationMilliseconds: Int64 { options.monotonicNow() &- began }
}
