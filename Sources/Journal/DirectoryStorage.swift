internal import Glibc
internal import Synchronization

/// A journal's directory on a file system: the directory 0700, its files 0600.
package final class DirectoryStorage: JournalStorage {
    package let path: String
    private let calls: any SystemCalls
    /// The descriptor that holds the lock, or -1.
    private let lockFile = Mutex<Int32>(-1)

    package init(path: String, calls: any SystemCalls = LinuxCalls()) {
        self.path = path
        self.calls = calls
    }

    deinit { unlock() }

    package func lock() throws(JournalFault) {
        try makeDirectory()
        let lockPath = join("LOCK")
        let file = try open(lockPath, .lock)
        do throws(SystemError) {
            try calls.lock(file)
        } catch {
            calls.close(file)
            throw error.code == EWOULDBLOCK
                ? .locked(path: lockPath) : .io(function: "flock", errno: error.code, path: lockPath)
        }
        do throws(JournalFault) {
            // A process that was killed leaves names on their way to the medium: nothing may follow from them before
            // they are there.
            try synchronizeDirectory(path)
        } catch {
            release(file)
            throw error
        }
        let before = lockFile.withLock { held in
            let before = held
            held = file
            return before
        }
        if before >= 0 { release(before) }
    }

    package func unlock() {
        lockFile.withLock { held in
            if held >= 0 { release(held) }
            held = -1
        }
    }

    private func release(_ file: Int32) {
        calls.unlock(file)
        calls.close(file)
    }

    package func names() throws(JournalFault) -> [String] {
        try call("opendir", path) { () throws(SystemError) in try calls.names(in: path) }
    }

    package func byteCount(of name: String) throws(JournalFault) -> UInt64 {
        try call("stat", join(name)) { () throws(SystemError) in try calls.status(of: join(name)).byteCount }
    }

    package func read(_ name: String, at offset: UInt64, count: Int) throws(JournalFault) -> [UInt8] {
        try calls.read(join(name), at: offset, count: count)
    }

    package func create(_ name: String, content: [UInt8]) throws(JournalFault) -> any JournalFile {
        let temporary = join(name + ".tmp")
        let descriptor = try open(temporary, .draft)
        let file = DirectoryFile(descriptor: descriptor, path: join(name), calls: calls)
        do throws(JournalFault) {
            try file.writeAll(content, at: 0)
            try synchronize(descriptor, temporary)
            try rename(path: temporary, to: join(name))
        } catch {
            file.close()
            // Best effort: the next start removes it, too.
            try? calls.unlink(temporary)
            throw error
        }
        return file
    }

    package func begin(_ name: String) throws(JournalFault) -> any JournalFile {
        DirectoryFile(
            descriptor: try open(join(name), .unsettledDraft), path: join(name), calls: calls, isSynchronous: false)
    }

    package func rename(_ name: String, to newName: String) throws(JournalFault) {
        try rename(path: join(name), to: join(newName))
    }

    package func truncate(_ name: String, to byteCount: UInt64) throws(JournalFault) {
        let file = try open(join(name), .existing)
        defer { calls.close(file) }
        try call("ftruncate", join(name)) { () throws(SystemError) in try calls.truncate(file, to: byteCount) }
        try synchronize(file, join(name))
    }

    package func remove(_ name: String) throws(JournalFault) { try remove([name]) }

    /// Makes all the removals last with one sync of the directory: a compaction leaves many files behind.
    package func remove(_ names: [String]) throws(JournalFault) {
        guard !names.isEmpty else { return }
        for name in names {
            try call("unlink", join(name)) { () throws(SystemError) in try calls.unlink(join(name)) }
        }
        try synchronizeDirectory(path)
    }

    private func join(_ name: String) -> String { "\(path)/\(name)" }

    private func rename(path old: String, to new: String) throws(JournalFault) {
        try call("rename", old) { () throws(SystemError) in try calls.rename(old, to: new) }
        try synchronizeDirectory(path)
    }

    private func open(_ path: String, _ mode: OpenMode) throws(JournalFault) -> Int32 {
        try call("open", path) { () throws(SystemError) in try calls.open(path, mode) }
    }

    private func synchronize(_ file: Int32, _ path: String) throws(JournalFault) {
        try call("fsync", path) { () throws(SystemError) in try calls.synchronize(file) }
    }

    /// Makes created, renamed and removed names in a directory last through a power cut.
    func synchronizeDirectory(_ path: String) throws(JournalFault) {
        let directory = try open(path, .directory)
        defer { calls.close(directory) }
        try synchronize(directory, path)
    }

    private func makeDirectory() throws(JournalFault) {
        do throws(JournalFault) {
            try call("mkdir", path) { () throws(SystemError) in try calls.makeDirectory(path) }
        } catch {
            guard case .io(_, EEXIST, _) = error else { throw error }
            // The start that made it may have been cut short before its name was on stable storage.
            let holdsJournal = try names().contains { $0.hasSuffix(".jrn") || $0.hasSuffix(SnapshotName.ending) }
            if holdsJournal { return }
        }
        var trimmed = path[...]
        while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
        let slash = trimmed.lastIndex(of: "/")
        let parent = slash.map { $0 == trimmed.startIndex ? "/" : String(trimmed[..<$0]) } ?? "."
        try synchronizeDirectory(parent)
    }
}

/// Makes a call again for as long as a signal interrupts it.
private func call<Answer>(
    _ function: String, _ path: String, _ body: () throws(SystemError) -> Answer
) throws(JournalFault) -> Answer {
    while true {
        do throws(SystemError) {
            return try body()
        } catch {
            if error.code == EINTR { continue }
            throw .io(function: function, errno: error.code, path: path)
        }
    }
}

/// A file that is being written.
private final class DirectoryFile: JournalFile {
    private let descriptor: Mutex<Int32>
    private let path: String
    private let calls: any SystemCalls
    /// Whether it was opened with `O_DSYNC`.
    private let isSynchronous: Bool
    /// Whose writing to the disk was begun.
    private let begun = Mutex<(offset: UInt64, count: Int)?>(nil)

    init(descriptor: Int32, path: String, calls: any SystemCalls, isSynchronous: Bool = true) {
        self.descriptor = Mutex(descriptor)
        self.path = path
        self.calls = calls
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
        do throws(JournalFault) {
            try call("sync_file_range", path) { () throws(SystemError) in
                try calls.writeBack(file, from: offset, count: count, waits: waits)
            }
        } catch {
            // Some file systems know no such call; settling does all of it then.
            guard case .io(_, let code, _) = error, [ENOSYS, EINVAL, ESPIPE].contains(code) else { throw error }
        }
    }

    func settle() throws(JournalFault) {
        let file = descriptor.withLock { $0 }
        try call("fsync", path) { () throws(SystemError) in try calls.synchronize(file) }
    }

    func writeAll(_ bytes: [UInt8], at offset: UInt64) throws(JournalFault) {
        let file = descriptor.withLock { $0 }
        var written = 0
        while written < bytes.count {
            let count = try call("pwrite", path) { () throws(SystemError) in
                try calls.write(bytes, from: written, to: file, at: offset &+ UInt64(clamping: written))
            }
            // A full disk can answer with nothing written and no error; without this the loop would not end.
            guard count > 0 else { throw .io(function: "pwrite", errno: ENOSPC, path: path) }
            written += count
        }
    }

    func close() {
        descriptor.withLock { file in
            if file >= 0 { calls.close(file) }
            file = -1
        }
    }

    /// A file that was unlinked takes writes as before, and loses them all when we exit.
    private func checkStillInPlace() throws(JournalFault) {
        let file = descriptor.withLock { $0 }
        let ours = try call("fstat", path) { () throws(SystemError) in try calls.status(of: file) }
        guard ours.linkCount > 0, let named = try? calls.status(of: path),
            named.inode == ours.inode, named.device == ours.device
        else { throw .replaced(path: path) }
    }
}
