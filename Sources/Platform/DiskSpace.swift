internal import Glibc

/// The free space of a file system.
package enum DiskSpace {
    /// Returns how many bytes a process without privileges can still write to the file system of a directory
    /// (statvfs(3)).
    package static func available(in directory: String) throws(FileError) -> Int64 {
        var status = statvfs()
        guard unsafe statvfs(directory, &status) == 0 else {
            throw .system(call: "statvfs", path: directory, code: errno)
        }
        return Int64(
            clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
    }

    /// Rejects a write that would leave less than `spare` bytes to others.
    package static func check(_ directory: String, spare: Int64) throws(FileError) {
        guard try available(in: directory) >= spare else {
            throw .system(call: "write", path: directory, code: ENOSPC)
        }
    }
}
