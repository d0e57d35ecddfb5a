import Glibc
import Platform

/// When a call to an engine must have returned, on the monotonic clock.
package struct StoreDeadline: Sendable {
    private let end: Int64
    /// For how many milliseconds nothing may arrive at most.
    private let silenceMax: Int64

    package static func after(milliseconds: Int) -> StoreDeadline {
        StoreDeadline(end: now &+ Int64(milliseconds), silenceMax: .max)
    }

    /// For a long answer: the connection is given up before the deadline if it falls silent.
    package static func after(milliseconds: Int64, silenceMax: Int64) -> StoreDeadline {
        StoreDeadline(end: now.saturatingAdd(milliseconds), silenceMax: silenceMax)
    }

    private init(end: Int64, silenceMax: Int64) {
        self.end = end
        self.silenceMax = silenceMax
    }

    /// The milliseconds to wait at most for the next bytes, for poll(2); 0 after the deadline.
    package var milliseconds: Int32 { Int32(clamping: min(max(0, end &- Self.now), silenceMax)) }

    package var hasPassed: Bool { milliseconds == 0 }

    /// Milliseconds of CLOCK_MONOTONIC.
    package static var now: Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) &* 1_000 &+ Int64(time.tv_nsec) / 1_000_000
    }
}
