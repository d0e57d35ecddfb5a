import Glibc

/// When a call to an engine must have returned, on the monotonic clock.
package struct StoreDeadline: Sendable {
    private let end: Int64

    package static func after(milliseconds: Int) -> StoreDeadline { StoreDeadline(end: now &+ Int64(milliseconds)) }

    private init(end: Int64) { self.end = end }

    /// The milliseconds left, for poll(2); 0 after the deadline.
    package var milliseconds: Int32 { Int32(clamping: max(0, end &- Self.now)) }

    package var hasPassed: Bool { milliseconds == 0 }

    /// Milliseconds of CLOCK_MONOTONIC.
    package static var now: Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) &* 1_000 &+ Int64(time.tv_nsec) / 1_000_000
    }
}
