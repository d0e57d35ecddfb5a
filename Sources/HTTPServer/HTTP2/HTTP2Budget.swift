/// Limits the work that a client can cause without a request (RFC 9113 §10.5).
///
/// Two token buckets refill with time and with each completed response. A normal client needs far less than they hold;
/// a flood empties them within moments.
struct HTTP2Budget {
    private static let resetsMax: Int64 = 200
    private static let controlsMax: Int64 = 1_000
    /// Resets per second.
    private static let resetsRefill: Int64 = 50
    private static let controlsRefill: Int64 = 500
    /// WINDOW_UPDATE and PRIORITY frames per response.
    static let controlsPerAnswer: Int64 = 10
    /// The cost of a field block that does not start a request.
    static let headCost: Int64 = 2

    private var resets = Self.resetsMax
    private var controls = Self.controlsMax
    private var refilledAt: Int64

    /// - Parameter now: milliseconds on the clock of the loop.
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

    /// Pays for a stream that ended before its response, regardless of which side ended it, because a client can also
    /// provoke the server to reset a stream.
    ///
    /// - Returns: whether the budget was sufficient.
    mutating func spendReset() -> Bool {
        resets -= 1
        return resets >= 0
    }

    /// Pays for one control frame.
    ///
    /// - Parameter cost: higher for frames that a normal client sends rarely.
    /// - Returns: whether the budget was sufficient.
    mutating func spendControl(_ cost: Int64 = 1) -> Bool {
        controls -= cost
        return controls >= 0
    }

    mutating func earn(_ gain: Int64) {
        controls = min(Self.controlsMax, controls + gain)
    }
}
