internal import Glibc

/// A deadline on the monotonic clock.
package struct MonotonicDeadline: Sendable {
    private let end: Int64

    package init(milliseconds: Int64) {
        end = Self.now.saturatingAdd(milliseconds)
    }

    /// The milliseconds left, for poll(2); 0 after the deadline.
    package var milliseconds: Int32 { Int32(clamping: max(0, end - Self.now)) }

    package var hasPassed: Bool { milliseconds == 0 }

    /// Returns an equal part of the time left, for one of `count` attempts.
    package func share(of count: Int) -> MonotonicDeadline {
        MonotonicDeadline(milliseconds: max(1, Int64(milliseconds) / Int64(max(1, count))))
    }

    /// Milliseconds of CLOCK_MONOTONIC.
    private static var now: Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) &* 1_000 &+ Int64(time.tv_nsec) / 1_000_000
    }
}
