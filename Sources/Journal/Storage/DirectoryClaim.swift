/// What a process knows about the directory that it has locked, so that it detects when the lock no longer excludes
/// others.
///
/// A lock file can be removed, restored from a copy, or be on a file system that does not share locks. A second process
/// then begins its own segment, and what the first one acknowledges after that is lost.
struct DirectoryClaim: Sendable {
    static let lockName = "LOCK"

    /// The descriptor of the lock file.
    let descriptor: Int32
    let status: FileStatus
    /// The state of the directory when its names were last read.
    var changes: DirectoryChanges?
    /// The number of the newest segment that this process created; nil for none.
    var newest: UInt64?

    init(descriptor: Int32, status: FileStatus) {
        self.descriptor = descriptor
        self.status = status
    }

    /// Returns a segment that is newer than that of this process and was created by another process.
    func newerSegment(in names: [String]) -> String? {
        guard let newest else { return nil }
        return names.first { name in SegmentName(name).map { $0.number > newest } ?? false }
    }
}
