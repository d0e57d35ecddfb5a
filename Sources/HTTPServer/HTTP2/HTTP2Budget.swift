/// How much a peer may cost before it is told to calm down (RFC 9113 §10.5): frames that make work and bring no request.
///
/// Two buckets that refill with time and with requests that were really answered. What an honest client needs is far
/// below their size; a flood empties them in a moment.
struct HTTP2Budget {
    private static let resetsMax: Int64 = 200
    private static let controlsMax: Int64 = 1_000
    /// A second.
    private static let resetsRefill: Int64 = 50
    private static let controlsRefill: Int64 = 500
    /// An answer's worth of WINDOW_UPDATE and PRIORITY frames.
    static let controlsPerAnswer: Int64 = 10
    /// A block of fields that brings no request.
    static let headCost: Int64 = 2

    private var resets = Self.resetsMax
    private var controls = Self.controlsMax
    private var refilledAt: Int64

    /// - Parameter now: milliseconds of the loop's clock.
    init(now: Int64) {
        refilledAt = now
    }

    mutating func refill(now: Int64) {
        let elapsed = now &- refilledAt
        guard elapsed >= 100 else { return }
        refilledAt = now
        let span = min(elapsed, 60_000)
        resets = min(Self.resetsMax, resets + span * Self.resetsRefill / 1_000)
        controls = min(Self.controlsMax, controls + span * Self.controlsRefill / 1_000)
    }

    /// A stream that ended before its answer, whoever ended it: a peer can also provoke us to.
    /// - Returns: whether there was something left to pay with.
    mutating func spendReset() -> Bool {
        resets -= 1
        return resets >= 0
    }

    /// - Parameter cost: more for frames that no honest peer sends in numbers.
    mutating func spendControl(_ cost: Int64 = 1) -> Bool {
        controls -= cost
        return controls >= 0
    }

    mutating func earn(_ gain: Int64) {
        controls = min(Self.controlsMax, controls + gain)
    }
}
