internal import CLinux
internal import Glibc
internal import Synchronization

/// A journal's directory on a real file system: the directory 0700, its files 0600.
package final class DirectoryStorage: JournalStorage {
    package let path: String
    /// The descriptor that holds the lock, or -1.
    private let lockFile = Mutex<Int32>(-1)

    package init(path: String) {
        self.path = path
    }

    deinit { unlock() }

    package func lock() throws(JournalFault) {
        try makeDirectory()
        let lockPath = join("LOCK")
        let file = unsafe open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .current("open", lockPath) }
        guard clinux_try_lock(file) == 0 else {
            let code = errno
            _ = Glibc.close(file)
            throw code == EWOULDBLOCK ? .locked(path: lockPath) : .io(function: "flock", errno: code, path: lockPath)
        }
        let before = lockFile.withLock { held in
            let before = held
            held = file
            return before
        }
        if before >= 0 { _ = Glibc.close(before) }
    }

    package func unlock() {
        lockFile.withLock { held in
            if held >= 0 { _ = Glibc.close(held) }
            held = -1
        }
    }

    package func names() throws(JournalFault) -> [String] {
        guard let directory = unsafe opendir(path) else { throw .current("opendir", path) }
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
        guard errno == 0 else { throw .current("readdir", path) }
        return names
    }

    package func byteCount(of name: String) throws(JournalFault) -> UInt64 {
        var status = stat()
        guard unsafe stat(join(name), &status) == 0 else { throw .current("stat", join(name)) }
        return UInt64(clamping: status.st_size)
    }

    package func read(_ name: String, at offset: UInt64, count: Int) throws(JournalFault) -> [UInt8] {
        let file = try DirectReader(join(name))
        return try file.read(at: offset, count: count)
    }

    package func create(_ name: String, content: [UInt8]) throws(JournalFault) -> any JournalFile {
        let temporary = join(name + ".tmp")
        let descriptor = unsafe open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_DSYNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .current("open", temporary) }
        let file = DirectoryFile(descriptor: descriptor, path: join(name))
        do throws(JournalFault) {
            try file.writeAll(content, at: 0)
            guard fsync(descriptor) == 0 else { throw .current("fsync", temporary) }
            guard unsafe Glibc.rename(temporary, join(name)) == 0 else { throw .current("rename", temporary) }
            try synchronizeDirectory(path)
        } catch {
            file.close()
            unsafe unlink(temporary)
            throw error
        }
        return file
    }

    package func begin(_ name: String) throws(JournalFault) -> any JournalFile {
        // Without O_DSYNC: it would have the file system commit its own journal for each piece that makes the file longer,
        // and commits of the segment would wait for that.
        let descriptor = unsafe open(join(name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .current("open", join(name)) }
        return DirectoryFile(descriptor: descriptor, path: join(name), isSynchronous: false)
    }

    package func rename(_ name: String, to newName: String) throws(JournalFault) {
        guard unsafe Glibc.rename(join(name), join(newName)) == 0 else { throw .current("rename", join(name)) }
        try synchronizeDirectory(path)
    }

    package func truncate(_ name: String, to byteCount: UInt64) throws(JournalFault) {
        let file = unsafe open(join(name), O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw .current("open", join(name)) }
        defer { _ = Glibc.close(file) }
        guard ftruncate(file, off_t(clamping: byteCount)) == 0 else { throw .current("ftruncate", join(name)) }
        guard fsync(file) == 0 else { throw .current("fsync", join(name)) }
    }

    package func remove(_ name: String) throws(JournalFault) {
        guard unsafe unlink(join(name)) == 0 else { throw .current("unlink", join(name)) }
        try synchronizeDirectory(path)
    }

    private func join(_ name: String) -> String { "\(path)/\(name)" }

    private func makeDirectory() throws(JournalFault) {
        if unsafe mkdir(path, 0o700) == 0 {
            var trimmed = path[...]
            while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
            let slash = trimmed.lastIndex(of: "/")
            let parent = slash.map { $0 == trimmed.startIndex ? "/" : String(trimmed[..<$0]) } ?? "."
            try synchronizeDirectory(parent)
        } else if errno != EEXIST {
            throw .current("mkdir", path)
        }
    }
}

/// Makes created, renamed and removed names in a directory last through a power cut.
func synchronizeDirectory(_ path: String) throws(JournalFault) {
    let directory = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw .current("open", path) }
    defer { _ = close(directory) }
    guard fsync(directory) == 0 else { throw .current("fsync", path) }
}

/// A file that is being written.
private final class DirectoryFile: JournalFile {
    private let descriptor: Mutex<Int32>
    private let path: String
    /// Whether it was opened with `O_DSYNC`.
    private let isSynchronous: Bool
    /// Whose writing to the disk was begun.
    private let begun = Mutex<(offset: UInt64, count: Int)?>(nil)

    init(descriptor: Int32, path: String, isSynchronous: Bool = true) {
        self.descriptor = Mutex(descriptor)
        self.path = path
        self.isSynchronous = isSynchronous
    }

    deinit { close() }

    func write(_ bytes: [UInt8], at offset: UInt64) throws(JournalFault) {
        try writeAll(bytes, at: offset)
        if !isSynchronous { try settle() }
        try checkStillInPlace()
    }

    /// One piece is on its way to the disk while the next one is made: never more, or the queue before a commit would be
    /// long.
    func writeUnsettled(_ bytes: [UInt8], at offset: UInt64) throws(JournalFault) {
        try writeAll(bytes, at: offset)
        let file = descriptor.withLock { $0 }
        let before = begun.withLock { begun in
            let before = begun
            begun = (offset, bytes.count)
            return before
        }
        if let before { try writeBack(file, before.offset, before.count, waits: true) }
        try writeBack(file, offset, bytes.count, waits: false)
    }

    private func writeBack(_ file: Int32, _ offset: UInt64, _ count: Int, waits: Bool) throws(JournalFault) {
        let result = clinux_write_back(file, Int64(clamping: offset), Int64(clamping: count), waits ? 1 : 0)
        // Some file systems know no such call; settling does all of it then.
        guard result == 0 || errno == ENOSYS || errno == EINVAL || errno == ESPIPE else {
            throw .current("sync_file_range", path)
        }
    }

    func settle() throws(JournalFault) {
        guard fsync(descriptor.withLock { $0 }) == 0 else { throw .current("fsync", path) }
    }

    func writeAll(_ bytes: [UInt8], at offset: UInt64) throws(JournalFault) {
        let file = descriptor.withLock { $0 }
        var written = 0
        while written < bytes.count {
            let place = off_t(clamping: offset &+ UInt64(clamping: written))
            let result = unsafe bytes.withUnsafeBytes { raw in
                unsafe pwrite(file, raw.baseAddress.map { unsafe $0 + written }, raw.count - written, place)
            }
            if result < 0 {
                if errno == EINTR { continue }
                throw .current("pwrite", path)
            }
            // A full disk can answer with nothing written and no error; without this the loop would not end.
            guard result > 0 else { throw .io(function: "pwrite", errno: ENOSPC, path: path) }
            written += result
        }
    }

    func close() {
        descriptor.withLock { file in
            if file >= 0 { _ = Glibc.close(file) }
            file = -1
        }
    }

    /// A file that was unlinked takes writes as before, and loses them all when we exit.
    private func checkStillInPlace() throws(JournalFault) {
        let file = descriptor.withLock { $0 }
        var ours = stat()
        var named = stat()
        guard unsafe fstat(file, &ours) == 0 else { throw .current("fstat", path) }
        guard ours.st_nlink > 0, unsafe stat(path, &named) == 0,
            named.st_ino == ours.st_ino, named.st_dev == ours.st_dev
        else { throw .replaced(path: path) }
    }
}
