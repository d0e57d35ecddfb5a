/// The TLS handshakes in progress on one loop, oldest first, and the number of handshake steps per turn of the loop.
///
/// A handshake costs hundreds of times as much as a request, and an attacker can begin one at no cost. Each turn
/// therefore does only a few steps before requests are served. If there are too many handshakes, the oldest is closed:
/// a normal client completes its handshake within a round trip or two, while one that is kept open becomes old.
struct HandshakeQueue {
    private static let stepsPerTurn = 8

    private(set) var count = 0
    private var stepCount = 0
    /// Connections as event data; some of them may have completed or closed already.
    private var entries: [UInt64] = []
    private var start = 0

    mutating func beginTurn() {
        stepCount = 0
    }

    /// Returns whether this turn has room for another step; a postponed step is reported again by the event queue.
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

    /// Records that a handshake has completed or its connection has closed.
    mutating func end() {
        count &-= 1
        guard count == 0 else { return }
        entries.removeAll(keepingCapacity: entries.capacity <= 4_096)
        start = 0
    }

    /// The oldest entry, which may have completed already.
    var oldest: UInt64? { start < entries.count ? entries[start] : nil }

    mutating func dropOldest() {
        if start < entries.count { start &+= 1 }
    }
}
