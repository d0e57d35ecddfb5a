/// What a process knows of the directory that it locked, so that it notices when the lock no longer keeps others out.
///
/// A lock file can be removed, restored from a copy or reached through a file system that does not share locks: a second
/// process then begins a segment of its own, and what the first one acknowledges after that is lost.
struct DirectoryClaim: Sendable {
    static let lockName = "LOCK"

    /// Of the lock file.
    let descriptor: Int32
    let status: FileStatus
    /// Of the directory when its names were last read.
    var changes: UInt64?
    /// Number of the segment that this process began last; nil for none.
    var newest: UInt64?

    init(descriptor: Int32, status: FileStatus) {
        self.descriptor = descriptor
        self.status = status
    }

    /// A segment that this process did not begin, after the one that it did.
    func newerSegment(in names: [String]) -> String? {
        guard let newest else { return nil }
        return names.first { name in SegmentName(name).map { $0.number > newest } ?? false }
    }
}
