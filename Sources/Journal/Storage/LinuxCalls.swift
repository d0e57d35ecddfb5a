internal import CLinux
internal import Glibc

/// Implements ``SystemCalls`` with the system calls of Linux.
package struct LinuxCalls: SystemCalls {
    package init() {}

    package func open(_ path: String, _ mode: OpenMode) throws(SystemError) -> Int32 {
        let flags =
            switch mode {
            case .lock: O_RDWR | O_CREAT | O_NOFOLLOW
            case .draft: O_RDWR | O_CREAT | O_EXCL | O_DSYNC
            case .unsettledDraft: O_RDWR | O_CREAT | O_EXCL
            case .existing: O_WRONLY
            case .directory: O_RDONLY | O_DIRECTORY
            }
        var file = unsafe Glibc.open(path, flags | O_CLOEXEC, 0o600)
        if file < 0, errno == EEXIST, unsafe Glibc.unlink(path) == 0 {
            file = unsafe Glibc.open(path, flags | O_CLOEXEC, 0o600)
        }
        guard file >= 0 else { throw .current }
        guard mode.makesFile else { return file }
        do throws(SystemError) {
            try takeOwner(file, of: path)
        } catch {
            close(file)
            throw error
        }
        return file
    }

    /// Gives a file that root creates to the owner of its directory; otherwise the service, which runs as another user,
    /// could not open it.
    private func takeOwner(_ file: Int32, of path: String) throws(SystemError) {
        guard unsafe clinux_take_owner(file, parent(of: path)) == 0 else { throw .current }
    }

    package func close(_ file: Int32) { _ = Glibc.close(file) }

    package func write(
        _ bytes: [UInt8], from start: Int, to file: Int32, at offset: UInt64
    ) throws(SystemError) -> Int {
        let rest = bytes[start...]
        let count = unsafe rest.withUnsafeBytes {
            unsafe pwrite(file, $0.baseAddress, $0.count, off_t(clamping: offset))
        }
        guard count >= 0 else { throw .current }
        return count
    }

    package func synchronize(_ file: Int32) throws(SystemError) {
        guard fsync(file) == 0 else { throw .current }
    }

    package func writeBack(_ file: Int32, from offset: UInt64, count: Int, waits: Bool) throws(SystemError) {
        let result = clinux_write_back(file, Int64(clamping: offset), Int64(clamping: count), waits ? 1 : 0)
        guard result == 0 else { throw .current }
    }

    package func truncate(_ file: Int32, to byteCount: UInt64) throws(SystemError) {
        guard ftruncate(file, off_t(clamping: byteCount)) == 0 else { throw .current }
    }

    package func rename(_ path: String, to newPath: String) throws(SystemError) {
        guard unsafe Glibc.rename(path, newPath) == 0 else { throw .current }
    }

    package func unlink(_ path: String) throws(SystemError) {
        guard unsafe Glibc.unlink(path) == 0 else { throw .current }
    }

    package func makeDirectory(_ path: String) throws(SystemError) {
        guard unsafe mkdir(path, 0o700) == 0 else { throw .current }
        let made = try open(path, .directory)
        defer { close(made) }
        try takeOwner(made, of: path)
    }

    package func lock(_ file: Int32) throws(SystemError) {
        guard clinux_try_lock(file) == 0 else { throw .current }
    }

    package func unlock(_ file: Int32) {
        // Cannot fail for an open descriptor.
        _ = clinux_unlock(file)
    }

    package func names(in path: String) throws(SystemError) -> [String] {
        guard let directory = unsafe opendir(path) else { throw .current }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(directory) else { break }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { field in
                unsafe field.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        guard errno == 0 else { throw .current }
        return names
    }

    package func changes(in path: String) throws(SystemError) -> DirectoryChanges {
        var found = clinux_changes()
        guard unsafe clinux_directory_changes(path, &found) == 0 else { throw .current }
        return DirectoryChanges(
            device: found.device, inode: found.inode, time: found.time, isSettled: found.is_settled != 0)
    }

    package func status(of path: String) throws(SystemError) -> FileStatus {
        var status = clinux_status()
        guard unsafe clinux_stat(-1, path, &status) == 0 else { throw .current }
        return FileStatus(status)
    }

    package func status(of file: Int32) throws(SystemError) -> FileStatus {
        var status = clinux_status()
        guard unsafe clinux_stat(file, nil, &status) == 0 else { throw .current }
        return FileStatus(status)
    }

    package func read(_ path: String, at offset: UInt64, count: Int) throws(JournalError) -> [UInt8] {
        try DirectReader(path).read(at: offset, count: count)
    }
}

extension SystemError {
    /// The error of the call that just returned, from `errno`.
    fileprivate static var current: SystemError { SystemError(errno) }
}

extension FileStatus {
    fileprivate init(_ status: clinux_status) {
        self.init(device: status.device, inode: status.inode, linkCount: status.links, byteCount: status.size)
    }
}
