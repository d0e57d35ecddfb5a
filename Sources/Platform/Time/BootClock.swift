import Glibc

/// A clock that nothing can set and that also counts while the machine sleeps (CLOCK_BOOTTIME).
package enum BootClock {
    /// Milliseconds since the start of the machine.
    package static func milliseconds() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        return Int64(time.tv_sec) &* 1_000 &+ Int64(time.tv_nsec) / 1_000_000
    }

    /// Names the start of the machine: milliseconds can be compared only within one. `unknown` where it has no name.
    package static var id: String {
        let bytes = (try? AtomicFile.read("/proc/sys/kernel/random/boot_id", byteCountMax: 64)) ?? []
        let name = String(decoding: bytes.filter { $0 > 0x20 && $0 < 0x7F }, as: UTF8.self)
        return name.isEmpty ? "unknown" : name
    }
}
