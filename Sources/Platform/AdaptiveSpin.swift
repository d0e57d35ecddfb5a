/// Decides whether to busy-wait for an event before sleeping, based on how long recent waits took.
///
/// Waking a sleeping thread on an idle processor can take as long as a durable write. Busy-waiting occupies a
/// processor, so it is done only while the mean of recent waits is within the limit.
package struct AdaptiveSpin: Sendable {
    private let limit: UInt64
    /// The moving mean of about the last eight waits, in nanoseconds.
    private var mean: UInt64

    /// - Parameter limit: the longest busy-wait in nanoseconds, at most one second; 0 disables busy-waiting.
    package init(limit: UInt64) {
        self.limit = min(limit, 1_000_000_000)
        // The mean starts above the limit, so busy-waiting begins only after some short waits.
        mean = self.limit * 2
    }

    /// How long to busy-wait before sleeping, in nanoseconds; 0 means sleep at once.
    package var budget: UInt64 { mean <= limit ? limit : 0 }

    /// Records how long the event took to arrive.
    ///
    /// - Parameter waited: the whole wait in nanoseconds, busy or asleep.
    package mutating func learn(_ waited: UInt64) {
        // The sample is capped: a few short waits outweigh one long wait, and two long waits stop the busy-waiting.
        mean = (mean * 7 + min(waited, limit * 4)) / 8
    }
}
