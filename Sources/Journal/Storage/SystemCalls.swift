/// The system calls by which a journal's directory is changed, so that a simulated disk can answer them.
///
/// Each does what the call of its name does and no more: what has to be repeated, checked or followed by another call is
/// for ``DirectoryStorage`` to know, which therefore runs unchanged over either.
package protocol SystemCalls: Sendable {
    /// open(2), close-on-exec; new files are 0600, and those of root belong to the owner of their directory.
    /// - Returns: a descriptor.
    func open(_ path: String, _ mode: OpenMode) throws(SystemError) -> Int32
    func close(_ file: Int32)
    /// pwrite(2) of the octets from index `start` on.
    /// - Returns: how many were written: any number from 0.
    func write(_ octets: [UInt8], from start: Int, to file: Int32, at offset: UInt64) throws(SystemError) -> Int
    /// fsync(2), of a file or a directory.
    func synchronize(_ file: Int32) throws(SystemError)
    /// sync_file_range(2): begins to write dirty pages of the range, or waits until they are written. Makes nothing durable.
    func writeBack(_ file: Int32, from offset: UInt64, count: Int, waits: Bool) throws(SystemError)
    func truncate(_ file: Int32, to byteCount: UInt64) throws(SystemError)
    func rename(_ path: String, to newPath: String) throws(SystemError)
    func unlink(_ path: String) throws(SystemError)
    /// mkdir(2), 0700; one of root belongs to the owner of its parent.
    func makeDirectory(_ path: String) throws(SystemError)
    /// flock(2), exclusive and without waiting.
    func lock(_ file: Int32) throws(SystemError)
    /// Gives the lock back. Closing alone would not, while a process that is just being started holds a copy.
    func unlock(_ file: Int32)
    /// What a directory holds, in no order, without `.` and `..`.
    func names(in path: String) throws(SystemError) -> [String]
    /// A number that changes with the names in a directory.
    func changes(in path: String) throws(SystemError) -> UInt64
    func status(of path: String) throws(SystemError) -> FileStatus
    func status(of file: Int32) throws(SystemError) -> FileStatus
    /// Up to `count` octets of a file from `offset`, a multiple of 4,096, as the medium has them.
    func read(_ path: String, at offset: UInt64, count: Int) throws(JournalError) -> [UInt8]
}

/// What a descriptor is for.
package enum OpenMode: Sendable {
    /// `O_RDWR | O_CREAT`.
    case lock
    /// `O_RDWR | O_CREAT | O_EXCL | O_DSYNC`: a file begun anew, each write of which returns when it is durable. One that has
    /// the name is unlinked first and not truncated: it may have another name elsewhere.
    case draft
    /// The same without `O_DSYNC`, which would have the file system commit its own journal for each piece that makes a large
    /// file longer, and commits of the segment would wait for that.
    case unsettledDraft
    /// `O_WRONLY`.
    case existing
    /// `O_RDONLY | O_DIRECTORY`.
    case directory

    var makesFile: Bool {
        switch self {
        case .lock, .draft, .unsettledDraft: true
        case .existing, .directory: false
        }
    }
}

package struct FileStatus: Equatable, Sendable {
    package let device: UInt64
    package let inode: UInt64
    /// 0 for a file without a name.
    package let linkCount: UInt64
    package let byteCount: UInt64

    /// Whether both are of one file.
    func isSameFile(as other: FileStatus) -> Bool { inode == other.inode && device == other.device }

    package init(device: UInt64, inode: UInt64, linkCount: UInt64, byteCount: UInt64) {
        self.device = device
        self.inode = inode
        self.linkCount = linkCount
        self.byteCount = byteCount
    }
}

/// An errno(3).
package struct SystemError: Error, Equatable, Sendable {
    package let code: Int32

    package init(_ code: Int32) {
        self.code = code
    }
}
