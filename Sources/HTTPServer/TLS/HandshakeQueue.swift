/// The TLS handshakes that one loop has under way, the oldest first, and how many of their steps a turn of the loop takes.
///
/// A handshake costs hundreds of times what a request costs, and a stranger begins one for nothing. So a turn does a few
/// steps, then requests have theirs; and when there are too many, the oldest goes: an honest peer's is done after a round
/// trip or two, one that is held open grows old.
struct HandshakeQueue {
    private static let stepsPerTurn = 8

    private(set) var count = 0
    private var stepCount = 0
    /// As events name connections; those that have ended or closed since are still among them.
    private var entries: [UInt64] = []
    private var start = 0

    mutating func beginTurn() {
        stepCount = 0
    }

    /// Whether this turn has room for another step; what has to wait is told again by the queue of events.
    mutating func takeStep() -> Bool {
        guard stepCount < Self.stepsPerTurn else { return false }
        stepCount &+= 1
        return true
    }

    mutating func begin(_ data: UInt64) {
        count &+= 1
        if start > 1_024, start > entries.count / 2 {
            entries.removeFirst(start)
            start = 0
        }
        entries.append(data)
    }

    /// One is done, or its connection closes.
    mutating func end() {
        count &-= 1
        guard count == 0 else { return }
        entries.removeAll(keepingCapacity: entries.capacity <= 4_096)
        start = 0
    }

    /// The oldest entry, which may have ended already.
    var oldest: UInt64? { start < entries.count ? entries[start] : nil }

    mutating func dropOldest() {
        if start < entries.count { start &+= 1 }
    }
}
