import Glibc

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
