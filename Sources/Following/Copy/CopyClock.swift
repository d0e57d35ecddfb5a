import Glibc
package import Platform

/// The clocks of the machine that the age of a copy depends on.
package struct CopyClock: Sendable {
    /// Milliseconds since the start of the machine, which nothing can set.
    package var now: @Sendable () -> Int64
    package var wall: WallClock
    /// A name of the start of the machine: values of ``now`` can be compared only within one.
    package var bootID: String

    package init(now: @escaping @Sendable () -> Int64, wall: WallClock, bootID: String) {
        self.now = now
        self.wall = wall
        self.bootID = bootID
    }

    package static func system(wall: WallClock) -> CopyClock {
        let bytes = (try? AtomicFile.read("/proc/sys/kernel/random/boot_id", byteCountMax: 64)) ?? []
        let name = String(decoding: bytes.filter { $0 > 0x20 && $0 < 0x7F }, as: UTF8.self)
        return CopyClock(now: Self.milliseconds, wall: wall, bootID: name.isEmpty ? "unknown" : name)
    }

    /// CLOCK_BOOTTIME also counts while the machine sleeps.
    package static let milliseconds: @Sendable () -> Int64 = {
        var time = timespec()
        unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        return Int64(time.tv_sec) &* 1_000 &+ Int64(time.tv_nsec) / 1_000_000
    }

    /// Translates a moment that another process wrote down.
    ///
    /// After a restart of the machine only the wall clock is left. If it was set back, the moment is unknown.
    func asOf(_ copy: CopyPosition) -> Int64? {
        if copy.bootID == bootID, bootID != "unknown" { return copy.asOf <= now() ? copy.asOf : nil }
        let age = wall.now.milliseconds(since: copy.wall)
        guard age >= 0 else { return nil }
        return now().saturatingAdd(-age)
    }
}
