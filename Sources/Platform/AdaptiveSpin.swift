/// Whether to watch for something before going to sleep, learned from how long it took to come before.
///
/// Waking a thread that sleeps, on a processor that sleeps too, can take as long as a durable write. Watching costs a
/// processor, so it is done only where it has been paying: while the mean of the last waits is within the limit.
package struct AdaptiveSpin: Sendable {
    private let limit: UInt64
    /// Of about the last eight waits, in nanoseconds.
    private var mean: UInt64

    /// - Parameter limit: the longest watch in nanoseconds, a second at most; 0 never watches.
    package init(limit: UInt64) {
        self.limit = min(limit, 1_000_000_000)
        // What is rare is never watched for: some short waits have to come first.
        mean = self.limit * 2
    }

    /// How long to watch, in nanoseconds.
    package var budget: UInt64 { mean <= limit ? limit : 0 }

    /// - Parameter waited: how long it took to come, watched for or slept for, in nanoseconds.
    package mutating func learn(_ waited: UInt64) {
        // Bounded, so that one long wait is forgotten after a few short ones, and two end the watching.
        mean = (mean * 7 + min(waited, limit * 4)) / 8
    }
}
