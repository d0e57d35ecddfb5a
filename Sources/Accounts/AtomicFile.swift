import Glibc
import Synchronization

/// Reads and replaces the small files that commands edit while a server reads them.
package enum AtomicFile {
    /// Tells temporary files of one process apart.
    private static let serial = Atomic<UInt64>(0)

    /// The whole file.
    /// - Throws: `.system` with `ENOENT` if there is none, `.tooLarge` above `byteCountMax`.
    package static func read(_ path: String, byteCountMax: Int) throws(AccountsFault) -> [UInt8] {
        let file = try descriptor("open", path, unsafe open(path, O_RDONLY | O_CLOEXEC))
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system(call: "read", path: path, code: errno) }
            guard count > 0 else { return bytes }
            guard bytes.count + count <= byteCountMax else { throw .tooLarge(path: path, byteCountMax: byteCountMax) }
            bytes.append(contentsOf: chunk.prefix(count))
        }
    }

    /// Puts `bytes` in the place of the file, durably: whoever opens it, also after a power cut, finds the old
    /// content or the new.
    ///
    /// A file that was there keeps its owner and mode, or a server of another user could not read what root has
    /// edited; a symbolic link keeps pointing where it did. On any failure the old file stays as it was.
    /// - Parameter mode: of a file that was not there.
    package static func replace(_ path: String, with bytes: [UInt8], mode: UInt32 = 0o600) throws(AccountsFault) {
        let target = resolved(path)
        let serial = serial.wrappingAdd(1, ordering: .relaxed).newValue
        let temporary = "\(target).\(getpid()).\(serial).tmp"
        // Left behind by a process that died with our number, as happens in containers.
        unsafe unlink(temporary)
        let file = try descriptor(
            "open", temporary, unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600))
        do throws(AccountsFault) {
            defer { close(file) }
            try write(bytes, to: file, temporary)
            try takeOver(from: target, to: file, temporary, mode: mode)
            try check("fsync", temporary, fsync(file))
        } catch {
            unsafe unlink(temporary)
            throw error
        }
        guard unsafe rename(temporary, target) == 0 else {
            let code = errno
            unsafe unlink(temporary)
            throw .system(call: "rename", path: target, code: code)
        }
        let directory = try descriptor(
            "open", target, unsafe open(parent(of: target), O_RDONLY | O_DIRECTORY | O_CLOEXEC))
        defer { close(directory) }
        try check("fsync", parent(of: target), fsync(directory))
    }

    /// Runs `body` while no other process is in `withLock` for the same path; the lock is `PATH.lock`, which stays.
    /// - Throws: `.locked` if that takes longer than `patienceMilliseconds`.
    package static func withLock<Result>(
        _ path: String, patienceMilliseconds: Int = 10_000, _ body: () throws(AccountsFault) -> Result
    ) throws(AccountsFault) -> Result {
        let lockPath = "\(resolved(path)).lock"
        let file = try descriptor(
            "open", lockPath, unsafe open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600))
        // Dying gives the lock back, and closing would, but for copies in processes that are just being started.
        defer {
            _ = flock(file, LOCK_UN)
            close(file)
        }
        var waited = 0
        while flock(file, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR else {
                throw .system(call: "flock", path: lockPath, code: errno)
            }
            guard waited < patienceMilliseconds else { throw .locked(path: path) }
            usleep(10_000)
            waited += 10
        }
        return try body()
    }

    private static func write(_ bytes: [UInt8], to file: Int32, _ path: String) throws(AccountsFault) {
        var offset = 0
        while offset < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[offset...])
                return unsafe Glibc.write(file, rest.baseAddress, rest.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .system(call: "write", path: path, code: count == 0 ? ENOSPC : errno) }
            offset += count
        }
    }

    private static func takeOver(from old: String, to file: Int32, _ path: String, mode: UInt32) throws(AccountsFault) {
        var status = stat()
        guard unsafe stat(old, &status) == 0 else {
            guard errno == ENOENT else { throw .system(call: "stat", path: old, code: errno) }
            return try check("fchmod", path, fchmod(file, mode))
        }
        if status.st_uid != geteuid() || status.st_gid != getegid() {
            try check("fchown", path, fchown(file, status.st_uid, status.st_gid))
        }
        try check("fchmod", path, fchmod(file, status.st_mode & 0o777))
    }

    /// Where a symbolic link leads, or the path itself.
    private static func resolved(_ path: String) -> String {
        guard let real = unsafe realpath(path, nil) else { return path }
        defer { unsafe free(real) }
        return unsafe String(cString: real)
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func descriptor(_ call: String, _ path: String, _ result: Int32) throws(AccountsFault) -> Int32 {
        try check(call, path, result < 0 ? -1 : 0)
        return result
    }

    private static func check(_ call: String, _ path: String, _ result: Int32) throws(AccountsFault) {
        guard result == 0 else { throw .system(call: call, path: path, code: errno) }
    }
}
