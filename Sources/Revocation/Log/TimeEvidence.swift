import Platform

/// Determines which time has certainly passed, so that a clock that jumps forward and back deletes nothing too early.
///
/// The wall clock is trusted after it has agreed for an hour with a clock that cannot be set; an access token lives
/// less than that. The hour restarts after a jump and after a start. It is impossible to know which side of a jump was
/// right, so the slower one counts for a week; only a jump of more than a week is considered the correction of a wrong
/// clock. All spans are milliseconds.
struct TimeEvidence: Sendable {
    /// How long the clocks must agree.
    static let probation: Int64 = 3_600_000
    /// The maximum difference that slewing causes in that time; a clock that an operator sets must differ by more.
    static let tolerance: Int64 = 60_000
    /// A start immediately trusts a time that lies this far before both the journal and the wall clock. A jump of at
    /// most this size is distrusted for that long.
    static let certainty: Int64 = 7 * 86_400_000
    /// The number of jumps above which they are merged.
    static let jumpCountMax = 32

    /// A former zero of the monotonic clock by the wall clock, and until when on the monotonic clock it counts.
    private struct Abandoned {
        var zero: UnixMilliseconds
        var until: Int64
    }

    private var anchor: (wall: UnixMilliseconds, monotonic: Int64)
    private var proven: UnixMilliseconds
    private var abandoned: [Abandoned] = []

    /// Starts with a time that has certainly passed at the start.
    ///
    /// - Parameter lastTime: the time of the last record of the journal.
    init(lastTime: UnixMilliseconds, wall: UnixMilliseconds, monotonic: Int64) {
        anchor = (wall, monotonic)
        proven = min(lastTime, wall).adding(milliseconds: -Self.certainty)
    }

    /// Compares both clocks; to be called about once per minute, since jumps are detected only here.
    ///
    /// - Returns: a time that has certainly passed; what expired then can be removed.
    mutating func observe(wall: UnixMilliseconds, monotonic: Int64) -> UnixMilliseconds {
        let elapsed = monotonic &- anchor.monotonic
        let difference = wall.milliseconds(since: anchor.wall).saturatingAdd(0 &- elapsed)
        if difference.magnitude > UInt64(Self.tolerance) {
            abandon(Self.zero(anchor.wall, anchor.monotonic), until: monotonic)
            anchor = (wall, monotonic)
        } else if elapsed >= Self.probation {
            proven = max(proven, slowest(Self.zero(wall, monotonic), monotonic).adding(milliseconds: monotonic))
        }
        return min(proven, wall)
    }

    /// Returns what the wall clock showed when the monotonic clock was zero, had both always agreed.
    private static func zero(_ wall: UnixMilliseconds, _ monotonic: Int64) -> UnixMilliseconds {
        wall.adding(milliseconds: 0 &- monotonic)
    }

    private mutating func abandon(_ zero: UnixMilliseconds, until monotonic: Int64) {
        abandoned.append(Abandoned(zero: zero, until: monotonic))
        guard abandoned.count > Self.jumpCountMax else { return }
        let oldest = abandoned.removeFirst()
        abandoned[0].zero = min(abandoned[0].zero, oldest.zero)
    }

    private mutating func slowest(_ zero: UnixMilliseconds, _ monotonic: Int64) -> UnixMilliseconds {
        abandoned.removeAll { monotonic &- $0.until > Self.certainty }
        let doubted = abandoned.map(\.zero).filter { zero.milliseconds(since: $0) <= Self.certainty }
        return min(zero, doubted.min() ?? zero)
    }
}
