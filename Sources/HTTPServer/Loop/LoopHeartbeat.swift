import Glibc
import Synchronization

/// A question to all loops: how many of them have yet to answer it.
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
    /// Whether every event loop turns within so many milliseconds; one that has ended need not.
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
