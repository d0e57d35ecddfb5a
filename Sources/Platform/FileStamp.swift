import Glibc

/// Identifies the state of a file (stat(2)): if two stamps are equal, the file was not replaced or rewritten in
/// between.
package struct FileStamp: Equatable, Sendable {
    package let mode: UInt32
    package var exists: Bool { byteCount >= 0 }
    private let device: UInt64
    private let inode: UInt64
    private let byteCount: Int64
    private let modified: Moment
    /// Also changes with the owner or the mode, and when a program sets the time of modification back.
    private let changed: Moment

    /// The stamp of a missing file.
    package static let missing = FileStamp(found: nil)

    private struct Moment: Equatable {
        let seconds: Int
        let nanoseconds: Int

        init(_ time: timespec) {
            seconds = time.tv_sec
            nanoseconds = time.tv_nsec
        }
    }

    /// Follows symbolic links; a file that is missing or not accessible to this process counts as missing.
    package init(_ path: String) {
        var status = stat()
        let isFound = unsafe stat(path, &status) == 0
        self.init(found: isFound ? status : nil)
    }

    /// The stamp of an open file.
    package init(_ file: Int32) {
        var status = stat()
        let isFound = unsafe fstat(file, &status) == 0
        self.init(found: isFound ? status : nil)
    }

    private init(found: stat?) {
        let status = found ?? stat()
        mode = status.st_mode
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        byteCount = found == nil ? -1 : Int64(status.st_size)
        modified = Moment(status.st_mtim)
        changed = Moment(status.st_ctim)
    }
}
