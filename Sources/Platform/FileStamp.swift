import Glibc

/// What a file is at one moment (stat(2)): two equal stamps mean that nothing replaced or rewrote it in between.
package struct FileStamp: Equatable, Sendable {
    package let mode: UInt32
    package var exists: Bool { byteCount >= 0 }
    private let device: UInt64
    private let inode: UInt64
    private let byteCount: Int64
    private let modified: Moment
    /// Also moves when the owner or the mode changes, and when a program sets the time of modification back.
    private let changed: Moment

    /// Of no file.
    package static let missing = FileStamp(found: nil)

    private struct Moment: Equatable {
        let seconds: Int
        let nanoseconds: Int

        init(_ time: timespec) {
            seconds = time.tv_sec
            nanoseconds = time.tv_nsec
        }
    }

    /// Follows symbolic links; a file that is missing, or that this process may not look at, does not exist.
    package init(_ path: String) {
        var status = stat()
        let isFound = unsafe stat(path, &status) == 0
        self.init(found: isFound ? status : nil)
    }

    /// Of an open file.
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
