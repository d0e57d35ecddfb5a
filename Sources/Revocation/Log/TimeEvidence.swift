/// How late it is for certain, so that a clock that jumps forward and back makes us forget nothing.
///
/// The wall clock is believed after it has gone along with a clock that nobody sets for an hour, which is longer than
/// an access token lives. After a jump, and after a start, that hour begins anew. Nobody can tell which side of a jump
/// was right, so for a week the slower of the two counts; only a jump of more than a week is taken for the correction
/// of a clock that was plainly wrong. All times are milliseconds.
struct TimeEvidence: Sendable {
    /// How long the clocks must agree.
    static let probation: Int64 = 3_600_000
    /// What slewing may add up to in that time, and an operator's hand must not.
    static let tolerance: Int64 = 60_000
    /// A start believes at once what both the journal and the wall clock have left behind so far; a jump this far or less
    /// is doubted for so long.
    static let certainty: Int64 = 7 * 86_400_000
    /// More jumps than this are remembered together.
    static let jumpCountMax = 32

    /// What the wall clock was ahead of the monotonic one, and until when, by that one.
    private struct Abandoned {
        var offset: Int64
        var until: Int64
    }

    private var anchor: (wall: Int64, monotonic: Int64)
    private var proven: Int64
    private var abandoned: [Abandoned] = []

    /// - Parameter lastTime: of the journal.
    init(lastTime: Int64, wall: Int64, monotonic: Int64) {
        anchor = (wall, monotonic)
        proven = min(lastTime, wall) &- Self.certainty
    }

    /// Looks at both clocks; to be called about every minute, since a jump is noticed only here.
    /// - Returns: a time that has passed for certain; what expired then may be forgotten.
    mutating func observe(wall: Int64, monotonic: Int64) -> Int64 {
        let elapsed = monotonic &- anchor.monotonic
        let difference = wall &- anchor.wall &- elapsed
        if difference.magnitude > UInt64(Self.tolerance) {
            abandon(anchor.wall &- anchor.monotonic, until: monotonic)
            anchor = (wall, monotonic)
        } else if elapsed >= Self.probation {
            proven = max(proven, monotonic &+ slowest(wall &- monotonic, monotonic))
        }
        return min(proven, wall)
    }

    private mutating func abandon(_ offset: Int64, until monotonic: Int64) {
        abandoned.append(Abandoned(offset: offset, until: monotonic))
        guard abandoned.count > Self.jumpCountMax else { return }
        let oldest = abandoned.removeFirst()
        abandoned[0].offset = min(abandoned[0].offset, oldest.offset)
    }

    private mutating func slowest(_ offset: Int64, _ monotonic: Int64) -> Int64 {
        abandoned.removeAll { monotonic &- $0.until > Self.certainty }
        let doubted = abandoned.map(\.offset).filter { offset &- $0 <= Self.certainty }
        return min(offset, doubted.min() ?? offset)
    }
}
