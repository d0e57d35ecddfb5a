import CLinux
import Glibc
import Synchronization

/// Reads and replaces the small files that commands edit while a server reads them.
package enum AtomicFile {
    /// Makes the names of one process's temporary files unique.
    private static let serial = Atomic<UInt64>(0)

    /// Returns the whole file.
    /// - Throws: `.system` with `ENOENT` if there is none, `.tooLarge` above `byteCountMax`.
    package static func read(_ path: String, byteCountMax: Int) throws(FileError) -> [UInt8] {
        try readStamped(path, byteCountMax: byteCountMax).bytes
    }

    /// Returns the whole file, and its stamp before reading.
    package static func readStamped(
        _ path: String, byteCountMax: Int
    ) throws(FileError) -> (bytes: [UInt8], stamp: FileStamp) {
        let file = try descriptor("open", path, unsafe open(path, O_RDONLY | O_CLOEXEC))
        defer { close(file) }
        let stamp = FileStamp(file)
        var status = stat()
        try check("fstat", path, unsafe fstat(file, &status))
        guard status.st_mode & S_IFMT != S_IFDIR else { throw .system(call: "read", path: path, code: EISDIR) }
        // One byte more than the file's size, so that its end is seen without growing the buffer; the buffer grows if
        // the file does.
        var room = min(max(Int(clamping: status.st_size), 0), byteCountMax) + 1
        var bytes: [UInt8] = []
        while true {
            let known = bytes.count
            var failure: Int32 = 0
            let grown = unsafe [UInt8](unsafeUninitializedCapacity: known + room) { buffer, count in
                unsafe _ = UnsafeMutableRawBufferPointer(buffer).initializeMemory(as: UInt8.self, from: bytes)
                count = known
                while count < known + room {
                    let more = unsafe Glibc.read(
                        file, buffer.baseAddress.map { unsafe $0 + count }, known + room - count)
                    if more < 0, errno == EINTR { continue }
                    if more < 0 { failure = errno }
                    guard more > 0 else { return }
                    count += more
                }
            }
            guard failure == 0 else { throw .system(call: "read", path: path, code: failure) }
            guard grown.count <= byteCountMax else { throw .tooLarge(path: path, byteCountMax: byteCountMax) }
            guard grown.count == known + room else { return (grown, stamp) }
            bytes = grown
            room = max(65_536, grown.count)
        }
    }

    /// Replaces the content of the file atomically and durably: a reader finds either the old content or the new, also
    /// after a power failure.
    ///
    /// An existing file keeps its owner and mode. A new file that root creates gets the owner of its directory, because
    /// otherwise a server that runs as another user could not read it. A symbolic link is kept and its target replaced.
    /// After any failure the old file is unchanged.
    /// - Parameters:
    ///   - mode: the mode of a new file.
    ///   - expected: the stamp of the file that `bytes` were derived from.
    /// - Throws: `.changed` if another program has replaced or rewritten the file since `expected`.
    package static func replace(
        _ path: String, with bytes: [UInt8], mode: UInt32 = 0o600, expecting expected: FileStamp? = nil
    ) throws(FileError) {
        let target = resolved(path)
        let serial = serial.wrappingAdd(1, ordering: .relaxed).newValue
        let temporary = "\(target).\(getpid()).\(serial).tmp"
        // A process that crashed with the same process id may have left this file; in containers ids repeat.
        unsafe unlink(temporary)
        let file = try descriptor(
            "open", temporary, unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600))
        do throws(FileError) {
            defer { close(file) }
            try write(bytes, to: file, temporary)
            try inherit(from: target, to: file, temporary, mode: mode)
            try check("fsync", temporary, fsync(file))
            // Checked as late as possible: writing and syncing take time, in which an operator may edit the file.
            if let expected, FileStamp(target) != expected { throw .changed(path: path) }
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
            "open", target, unsafe open(Directory.parent(of: target), O_RDONLY | O_DIRECTORY | O_CLOEXEC))
        defer { close(directory) }
        try check("fsync", Directory.parent(of: target), fsync(directory))
    }

    /// Gives a file that root has opened or created the owner and group of its directory, so that the server, which
    /// runs as another user, can open it. Does nothing for other users.
    /// - Parameter file: a descriptor of the file at `path`.
    /// - Throws: `.system` with `EMLINK` if the file has other names: those may belong to another user.
    package static func takeDirectoryOwner(_ file: Int32, _ path: String) throws(FileError) {
        try check("fchown", path, unsafe clinux_take_owner(file, Directory.parent(of: path)))
    }

    /// Makes a directory of mode 0700 unless there is one. One that root makes belongs to the owner of its parent.
    package static func makeDirectory(_ path: String) throws(FileError) {
        guard unsafe mkdir(path, 0o700) == 0 else {
            let code = errno
            guard code == EEXIST else { throw .system(call: "mkdir", path: path, code: code) }
            return
        }
        let made = try descriptor(
            "open", path, unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW))
        defer { close(made) }
        try takeDirectoryOwner(made, path)
    }

    /// Runs `body` while no other process is in `withLock` for the same path; the lock is `PATH.lock`, which stays.
    /// - Parameter failure: makes the caller's error of one of ours.
    /// - Throws: `.locked` if that takes longer than `patienceMilliseconds`.
    package static func withLock<Result, Failure: Error>(
        _ path: String, patienceMilliseconds: Int = 10_000, _ failure: (FileError) -> Failure,
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let file: Int32
        do throws(FileError) { file = try lock(path, patienceMilliseconds) } catch { throw failure(error) }
        // Dying releases the lock, and closing would, but for copies in processes that are being started.
        defer {
            _ = flock(file, LOCK_UN)
            close(file)
        }
        return try body()
    }

    /// - Returns: a descriptor of the locked file.
    private static func lock(_ path: String, _ patienceMilliseconds: Int) throws(FileError) -> Int32 {
        let lockPath = "\(resolved(path)).lock"
        let flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW
        var opened = unsafe open(lockPath, flags, 0o600)
        // A command of root may have left the lock file; the owner of the directory replaces it. If root holds the old
        // one at this moment, neither edit is lost, because both compare the file before they replace it.
        if opened < 0, errno == EACCES, unsafe unlink(lockPath) == 0 { opened = unsafe open(lockPath, flags, 0o600) }
        let file = try descriptor("open", lockPath, opened)
        do throws(FileError) {
            try takeDirectoryOwner(file, lockPath)
            var waited = 0
            while flock(file, LOCK_EX | LOCK_NB) != 0 {
                guard errno == EWOULDBLOCK || errno == EINTR else {
                    throw .system(call: "flock", path: lockPath, code: errno)
                }
                guard waited < patienceMilliseconds else { throw .locked(path: path) }
                usleep(10_000)
                waited += 10
            }
        } catch {
            close(file)
            throw error
        }
        return file
    }

    private static func write(_ bytes: [UInt8], to file: Int32, _ path: String) throws(FileError) {
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

    private static func inherit(from old: String, to file: Int32, _ path: String, mode: UInt32) throws(FileError) {
        var status = stat()
        guard unsafe stat(old, &status) == 0 else {
            guard errno == ENOENT else { throw .system(call: "stat", path: old, code: errno) }
            try takeDirectoryOwner(file, path)
            return try check("fchmod", path, fchmod(file, mode))
        }
        if status.st_uid != geteuid() || status.st_gid != getegid() {
            try check("fchown", path, fchown(file, status.st_uid, status.st_gid))
        }
        try check("fchmod", path, fchmod(file, status.st_mode & 0o777))
    }

    /// Returns the target of a symbolic link, or the path itself.
    private static func resolved(_ path: String) -> String {
        guard let real = unsafe realpath(path, nil) else { return path }
        defer { unsafe free(real) }
        return unsafe String(cString: real)
    }

    private static func descriptor(_ call: String, _ path: String, _ result: Int32) throws(FileError) -> Int32 {
        try check(call, path, result < 0 ? -1 : 0)
        return result
    }

    private static func check(_ call: String, _ path: String, _ result: Int32) throws(FileError) {
        guard result == 0 else { throw .system(call: call, path: path, code: errno) }
    }
}
