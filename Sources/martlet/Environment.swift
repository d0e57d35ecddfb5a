import Assembly
import CLinux
import Glibc

/// The process's environment and machine, read once for `Configuration`.
enum Environment {
    /// Every variable; of two with one name the first counts.
    static var values: [String: String] {
        var values: [String: String] = [:]
        var cursor = unsafe environ
        while let entry = unsafe cursor.pointee {
            let parts = unsafe String(cString: entry).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { values[String(parts[0])] = values[String(parts[0])] ?? String(parts[1]) }
            unsafe cursor += 1
        }
        return values
    }

    /// How many threads of this process can run at once, by its affinity mask (sched_setaffinity(2)) and the quota of its
    /// control group.
    static var coreCount: Int {
        ControlGroup().threads(on: Int(clinux_processors()))
    }

    /// Bytes that the control group allows this process; nil for no limit.
    static var memoryLimit: Int? { ControlGroup().memory }
}
