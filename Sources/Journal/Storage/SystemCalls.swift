/// The system calls that change the directory of a journal, so that tests can simulate a disk.
///
/// Each function does exactly what the call of its name does. ``DirectoryStorage`` repeats, checks and combines the
/// calls, and therefore runs unchanged with either implementation.
package protocol SystemCalls: Sendable {
    /// Opens a file (open(2)), close-on-exec. New files have mode 0600; files that root creates belong to the owner of
    /// their directory.
    ///
    /// - Returns: a descriptor.
    func open(_ path: String, _ mode: OpenMode) throws(SystemError) -> Int32
    func close(_ file: Int32)
    /// Writes the bytes from index `start` on (pwrite(2)).
    ///
    /// - Returns: how many bytes were written, possibly 0.
    func write(_ bytes: [UInt8], from start: Int, to file: Int32, at offset: UInt64) throws(SystemError) -> Int
    /// Syncs a file or a directory (fsync(2)).
    func synchronize(_ file: Int32) throws(SystemError)
    /// Starts to write back dirty pages of the range, or waits until they are written (sync_file_range(2)). This does
    /// not make them durable.
    func writeBack(_ file: Int32, from offset: UInt64, count: Int, waits: Bool) throws(SystemError)
    func truncate(_ file: Int32, to byteCount: UInt64) throws(SystemError)
    func rename(_ path: String, to newPath: String) throws(SystemError)
    func unlink(_ path: String) throws(SystemError)
    /// Creates a directory of mode 0700 (mkdir(2)); one that root creates belongs to the owner of its parent.
    func makeDirectory(_ path: String) throws(SystemError)
    /// Locks the file exclusively without waiting (flock(2)).
    func lock(_ file: Int32) throws(SystemError)
    /// Releases the lock. Closing alone would not release it while a child process that is being started has a copy of
    /// the descriptor.
    func unlock(_ file: Int32)
    /// Returns the names in a directory, unordered, without `.` and `..`.
    func names(in path: String) throws(SystemError) -> [String]
    /// Returns what changes with the names in a directory (statx(2)).
    func changes(in path: String) throws(SystemError) -> DirectoryChanges
    func status(of path: String) throws(SystemError) -> FileStatus
    func status(of file: Int32) throws(SystemError) -> FileStatus
    /// Returns up to `count` bytes of a file from `offset`, a multiple of 4,096, as they are on the medium.
    func read(_ path: String, at offset: UInt64, count: Int) throws(JournalError) -> [UInt8]
}

/// The purpose of a descriptor.
package enum OpenMode: Sendable {
    /// `O_RDWR | O_CREAT`.
    case lock
    /// `O_RDWR | O_CREAT | O_EXCL | O_DSYNC`: a new file; each write is durable when it returns. An existing file of
    /// that name is unlinked and not truncated, because it may have another name elsewhere.
    case draft
    /// The same without `O_DSYNC`, with which the file system would commit its own journal for every extension of a
    /// large file, and commits of the segment would wait for that.
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

    /// Returns whether both belong to the same file.
    func isSameFile(as other: FileStatus) -> Bool { inode == other.inode && device == other.device }

    package init(device: UInt64, inode: UInt64, linkCount: UInt64, byteCount: UInt64) {
        self.device = device
        self.inode = inode
        self.linkCount = linkCount
        self.byteCount = byteCount
    }
}

/// Identifies a state of the names in a directory.
package struct DirectoryChanges: Equatable, Sendable {
    package let device: UInt64
    package let inode: UInt64
    /// The time of the last change, or a number that grows with each.
    package let time: UInt64
    /// Whether every later change has another ``time``. Two changes within one tick of a coarse clock have the same.
    package let isSettled: Bool

    package init(device: UInt64, inode: UInt64, time: UInt64, isSettled: Bool) {
        self.device = device
        self.inode = inode
        self.time = time
        self.isSettled = isSettled
    }

    /// Returns whether no name changed between the two states.
    func isSameState(as other: DirectoryChanges) -> Bool {
        time == other.time && inode == other.inode && device == other.device
    }
}

/// An error code of a system call (errno(3)).
package struct SystemError: Error, Equatable, Sendable {
    package let code: Int32

    package init(_ code: Int32) {
        self.code = code
    }
}
