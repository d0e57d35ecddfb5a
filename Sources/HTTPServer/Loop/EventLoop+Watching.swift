import CLinux
import Platform

// Waiting for an answer that is made elsewhere without going to sleep.
//
// A loop that sleeps is woken by a system call of whoever made the answer, on a processor that may have to be woken first.
// One that has nothing but such answers to wait for, which were quick lately, looks for them for a moment instead.
extension EventLoop {
    /// With more answers on the way than this, each wake-up brings many, and the processor is better left to others.
    private static let watchedMax = 4

    /// - Returns: whether it is worth it now; then ``watch(for:)`` follows and the mailbox is emptied afterwards.
    mutating func beginWatch() -> Bool {
        guard awaitedCount <= Self.watchedMax else { return false }
        let time = clinux_nanoseconds()
        if awaitingSince == 0 { awaitingSince = time }
        guard time &- awaitingSince < patience.budget else { return false }
        mailbox.beginWatch()
        return true
    }

    /// Returns when there are events, when something is in the mailbox, or when it has taken longer than is worth it.
    ///
    /// - Returns: how many of `events` were filled in.
    mutating func watch(for events: inout [clinux_event]) -> Int {
        while true {
            // Connections come first: nobody's request waits for somebody else's durable write.
            let count = queue.wait(into: &events, timeout: 0)
            if count > 0 || mailbox.hasMail { return count }
            guard clinux_nanoseconds() &- awaitingSince < patience.budget else { return 0 }
            clinux_relax()
        }
    }

    /// One of the answers has come.
    mutating func noteAnswer() {
        awaitedCount &-= 1
        guard awaitingSince != 0 else { return }
        patience.learn(clinux_nanoseconds() &- awaitingSince)
        awaitingSince = 0
    }
}
