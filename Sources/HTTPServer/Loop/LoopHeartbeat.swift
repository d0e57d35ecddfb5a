import Glibc
import Synchronization

/// A liveness check of all loops; it counts the loops that have not responded yet.
final class LoopHeartbeat: Sendable {
    private let missing: Atomic<Int>

    init(count: Int) {
        missing = Atomic(count)
    }

    func answer() {
        missing.subtract(1, ordering: .relaxed)
    }

    var isComplete: Bool { missing.load(ordering: .relaxed) <= 0 }
}

extension Server {
    /// Returns whether every running event loop responds within `limit` milliseconds.
    package func isAlive(withinMilliseconds limit: Int64) -> Bool {
        let beat = LoopHeartbeat(count: mailboxes.count)
        for mailbox in mailboxes where !mailbox.post(.beat(beat)) { beat.answer() }
        var waited: Int64 = 0
        while !beat.isComplete, waited < limit {
            usleep(10_000)
            waited += 10
        }
        return beat.isComplete
    }
}
