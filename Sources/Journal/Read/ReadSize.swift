/// How much is read at once: bytes of a file, and records.
enum ReadSize {
    /// While no commits run.
    static let alone = 1 << 20
    /// While records are committed: with larger reads, a commit would wait until the disk has completed them.
    static let besideCommits = 16 << 10
    /// Records that are checked and applied at once: few enough to be in the processor cache when another thread reads
    /// them.
    static let recordCountMax = 4_096
}
