import CLinux
import Platform

// Waits for a deferred response by polling instead of sleeping.
//
// Waking a sleeping loop costs the responding thread a system call, and a processor that may be idle must be woken
// first. A loop that waits only for such responses, which recently arrived fast, polls for a moment instead.
extension EventLoop {
    /// The number of pending responses above which the loop sleeps: each wake-up then brings several, and other threads
    /// can use the processor.
    private static let watchedMax = 4

    /// Begins to poll if it is worthwhile.
    ///
    /// - Returns: whether the loop polls now; ``watch(for:)`` follows, and the mailbox is emptied afterwards.
    mutating func beginWatch() -> Bool {
        guard awaitedCount <= Self.watchedMax else { return false }
        let time = clinux_nanoseconds()
        if awaitingSince == 0 { awaitingSince = time }
        guard time &- awaitingSince < patience.budget else { return false }
        mailbox.beginWatch()
        return true
    }

    /// Polls until there are events, the mailbox has an item, or polling takes longer than it is worth.
    ///
    /// - Returns: how many of `events` were filled in.
    mutating func watch(for events: inout [clinux_event]) -> Int {
        while true {
            // Connections come first, so that no request waits for the durable write of another.
            let count = queue.wait(into: &events, timeout: 0)
            if count > 0 || mailbox.hasMail { return count }
            guard clinux_nanoseconds() &- awaitingSince < patience.budget else { return 0 }
            clinux_relax()
        }
    }

    /// Records that a deferred response has arrived.
    mutating func noteAnswer() {
        awaitedCount &-= 1
        guard awaitingSince != 0 else { return }
        patience.learn(clinux_nanoseconds() &- awaitingSince)
        awaitingSince = 0
    }
}
