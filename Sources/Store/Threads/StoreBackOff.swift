import Platform

/// The pauses between attempts to connect: twice as long each time, from 50 ms to 2 s, and of random length, so that all
/// nodes do not return at the same moment.
struct StoreBackOff: Equatable, Sendable {
    static let first: Int64 = 50
    static let last: Int64 = 2_000

    private var limit = StoreBackOff.first

    /// The longest pause while an engine says that it is starting: it answers, and soon does more than that.
    static let lastWhileStarting: Int64 = 250

    /// Returns the next pause in milliseconds: at least half of the limit, and at most the limit.
    mutating func next(_ random: UInt64, isStarting: Bool = false) -> Int64 {
        defer { limit = min(limit * 2, Self.last) }
        if isStarting { limit = min(limit, Self.lastWhileStarting) }
        let half = limit / 2
        return half + Int64(random % UInt64(limit - half + 1))
    }

    mutating func reset() { limit = Self.first }
}
