import Glibc
package import Platform

/// The machine's clocks.
package enum SystemClock {
    package static let wall = WallClock {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return UnixSeconds(Int64(time.tv_sec)).milliseconds.adding(milliseconds: Int64(time.tv_nsec) / 1_000_000)
    }
}

package enum MonotonicClock {
    /// Nanoseconds of a monotonic clock that started before the process.
    package static let nanoseconds: @Sendable () -> Int64 = {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}
