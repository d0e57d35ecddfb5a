import Glibc

/// How many files and sockets this process may have open (setrlimit(2), RLIMIT_NOFILE).
enum DescriptorLimit {
    /// What the service opens beside its connections: the journal, key and account files while they are read, the log,
    /// and three descriptors a loop.
    static func needed(connections: Int, loops: Int) -> Int {
        connections + 3 * loops + 64
    }

    /// Raises the soft limit to the hard one, which needs no rights. The soft one is commonly 1,024 for the sake of
    /// select(2), which nothing here calls.
    /// - Returns: how many descriptors there may be now; `nil` when the kernel does not tell.
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
