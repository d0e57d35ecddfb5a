/// How late it is for certain, so that a clock that jumps forward and back makes us forget nothing.
///
/// Time has passed when the wall clock says so and either the journal had already seen it or the monotonic clock has counted it.
struct TimeEvidence: Equatable, Sendable {
    /// Milliseconds since 1970, by the journal's last record.
    private let base: Int64
    private let monotonicBase: Int64

    init(base: Int64, monotonic: Int64) {
        self.base = base
        monotonicBase = monotonic
    }

    /// All arguments in milliseconds.
    func proven(wall: Int64, monotonic: Int64) -> Int64 {
        min(wall, base &+ max(0, monotonic &- monotonicBase))
    }
}
