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

    /// The cores that this process may use.
    static var coreCount: Int {
        max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    }
}
