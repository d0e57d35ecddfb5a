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
        CopyClock(now: { BootClock.milliseconds() }, wall: wall, bootID: BootClock.id)
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
