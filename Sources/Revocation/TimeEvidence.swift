/// How late it is for certain, so that a clock that jumps forward and back makes us forget nothing.
///
/// The wall clock is believed after it has gone along with a clock that nobody sets for an hour, which is longer than
/// an access token lives. After a jump, and after a start, that hour begins anew. All times are milliseconds.
struct TimeEvidence: Sendable {
    /// How long the clocks must agree.
    static let probation: Int64 = 3_600_000
    /// What slewing may add up to in that time, and an operator's hand must not.
    static let tolerance: Int64 = 60_000
    /// A start believes at once what both the journal and the wall clock have left behind so far.
    static let certainty: Int64 = 7 * 86_400_000

    private var anchor: (wall: Int64, monotonic: Int64)
    private var proven: Int64

    /// - Parameter lastTime: of the journal.
    init(lastTime: Int64, wall: Int64, monotonic: Int64) {
        anchor = (wall, monotonic)
        proven = min(lastTime, wall) &- Self.certainty
    }

    /// Looks at both clocks.
    /// - Returns: a time that has passed for certain; what expired then may be forgotten.
    mutating func observe(wall: Int64, monotonic: Int64) -> Int64 {
        let elapsed = monotonic &- anchor.monotonic
        let difference = wall &- anchor.wall &- elapsed
        if difference.magnitude > UInt64(Self.tolerance) {
            anchor = (wall, monotonic)
        } else if elapsed >= Self.probation {
            proven = max(proven, wall)
        }
        return min(proven, wall)
    }
}
