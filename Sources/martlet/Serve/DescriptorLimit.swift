import Glibc

/// The limit of open files and sockets of this process (setrlimit(2), RLIMIT_NOFILE).
enum DescriptorLimit {
    /// Returns the number of descriptors that the service needs. In addition to connections it opens the journal, key
    /// and account files while they are read, the log, and three descriptors per loop.
    static func needed(connections: Int, loops: Int) -> Int {
        connections + 3 * loops + 64
    }

    /// Raises the soft limit to the hard limit, which needs no privileges. The soft limit is commonly 1,024 because of
    /// select(2), which the service does not use.
    ///
    /// - Returns: the new limit; `nil` if the kernel does not report it.
    static func raise() -> Int? {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard unsafe getrlimit(resource, &limit) == 0 else { return nil }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if unsafe setrlimit(resource, &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
