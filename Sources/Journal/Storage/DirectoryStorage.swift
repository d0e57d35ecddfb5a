internal import Glibc
internal import Synchronization

/// The directory of a journal in a file system: mode 0700, files 0600.
package final class DirectoryStorage: JournalStorage {
    package let path: String
    private let calls: any SystemCalls
    private let onRead: @Sendable (Int) -> Void
    private let claim = Mutex<DirectoryClaim?>(nil)

    /// - Parameter onRead: receives the number of bytes of each read, on the thread that reads.
    package init(
        path: String, calls: any SystemCalls = LinuxCalls(), onRead: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        self.path = path
        self.calls = calls
        self.onRead = onRead
    }

    deinit { unlock() }

    package func lock() throws(JournalError) {
        try makeDirectory()
        let file = try lockedFile()
        do throws(JournalError) {
            // After a process was killed, its changes of names may not have reached the medium yet. Nothing may depend
            // on them before they have.
            try synchronizeDirectory(path)
        } catch {
            release(file.descriptor)
            throw error
        }
        let before = claim.withLock { claim in
            let before = claim
            claim = file
            return before
        }
        if let before { release(before.descriptor) }
    }

    /// Returns the lock of a file that still has its name. The lock of a removed file would not exclude other
    /// processes.
    private func lockedFile() throws(JournalError) -> DirectoryClaim {
        let lockPath = join(DirectoryClaim.lockName)
        for _ in 0..<Self.lockAttemptMax {
            let file = try open(lockPath, .lock)
            do throws(SystemError) {
                try calls.lock(file)
                let status = try calls.status(of: file)
                if let named = try? calls.status(of: lockPath), named.isSameFile(as: status) {
                    // The text of a process that was killed is outdated.
                    if status.byteCount > 0 { try? calls.truncate(file, to: 0) }
                    return DirectoryClaim(descriptor: file, status: status)
                }
                release(file)
            } catch {
                calls.close(file)
                throw error.code == EWOULDBLOCK
                    ? .locked(path: lockPath) : .io(function: "flock", errno: error.code, path: lockPath)
            }
        }
        throw .contested(what: "\(lockPath) keeps being replaced")
    }

    private static let lockAttemptMax = 16

    /// Checks whether this process still has exclusive access: the lock file is unchanged, and no other process has
    /// begun a segment. This costs two system calls, and reads the names after a change.
    ///
    /// - Throws: `.contested`.
    func checkClaim() throws(JournalError) { try checkClaim(changes()) }

    /// - Parameter changes: the current state of the directory; nil if it is unknown.
    func checkClaim(_ changes: DirectoryChanges?) throws(JournalError) {
        guard let held = claim.withLock({ $0 }) else { return }
        let lockPath = join(DirectoryClaim.lockName)
        guard let named = try? calls.status(of: lockPath), held.status.isSameFile(as: named) else {
            throw .contested(what: "\(lockPath) was removed or replaced")
        }
        guard let changes, held.changes.map({ !$0.isSameState(as: changes) }) ?? true,
            let names = try? calls.names(in: path)
        else { return }
        if let newer = held.newerSegment(in: names) {
            throw .contested(what: "\(join(newer)) was created by another process")
        }
        claim.withLock { $0?.changes = changes }
    }

    /// The current state of the names in the directory; nil if it cannot be read.
    func changes() -> DirectoryChanges? { try? calls.changes(in: path) }

    package func announce(_ text: String) {
        guard let file = claim.withLock({ $0?.descriptor }) else { return }
        try? calls.truncate(file, to: 0)
        _ = try? calls.write(Array(text.utf8), from: 0, to: file, at: 0)
    }

    package func unlock() {
        claim.withLock { claim in
            if let file = claim?.descriptor { release(file) }
            claim = nil
        }
    }

    private func release(_ file: Int32) {
        calls.unlock(file)
        calls.close(file)
    }

    package func names() throws(JournalError) -> [String] {
        try call("opendir", path) { () throws(SystemError) in try calls.names(in: path) }
    }

    package func byteCount(of name: String) throws(JournalError) -> UInt64 {
        try call("stat", join(name)) { () throws(SystemError) in try calls.status(of: join(name)).byteCount }
    }

    package func read(_ name: String, at offset: UInt64, count: Int) throws(JournalError) -> [UInt8] {
        let bytes = try calls.read(join(name), at: offset, count: count)
        onRead(bytes.count)
        return bytes
    }

    package func create(_ name: String, content: [UInt8]) throws(JournalError) -> any JournalFile {
        let temporary = join(name + TemporaryName.ending)
        try checkClaim()
        let descriptor = try open(temporary, .draft)
        let file = DirectoryFile(descriptor: descriptor, path: join(name), calls: calls, storage: self)
        do throws(JournalError) {
            try file.writeAll(content, at: 0)
            try synchronize(descriptor, temporary)
            // Recorded before the rename, which may succeed although it reports an error.
            if let segment = SegmentName(name) { claim.withLock { $0?.newest = segment.number } }
            try rename(path: temporary, to: join(name))
            try checkClaim()
        } catch {
            file.close()
            // Best effort: the next start also removes it.
            try? calls.unlink(temporary)
            throw error
        }
        return file
    }

    package func begin(_ name: String) throws(JournalError) -> any JournalFile {
        DirectoryFile(
            descriptor: try open(join(name), .unsettledDraft), path: join(name), calls: calls, storage: self,
            isSynchronous: false)
    }

    package func rename(_ name: String, to newName: String) throws(JournalError) {
        try checkClaim()
        try rename(path: join(name), to: join(newName))
    }

    package func truncate(_ name: String, to byteCount: UInt64) throws(JournalError) {
        try checkClaim()
        let file = try open(join(name), .existing)
        defer { calls.close(file) }
        try call("ftruncate", join(name)) { () throws(SystemError) in try calls.truncate(file, to: byteCount) }
        try synchronize(file, join(name))
    }

    package func remove(_ name: String) throws(JournalError) { try remove([name]) }

    /// Makes all removals durable with one sync of the directory, because a compaction removes many files.
    package func remove(_ names: [String]) throws(JournalError) {
        guard !names.isEmpty else { return }
        try checkClaim()
        for name in names {
            try call("unlink", join(name)) { () throws(SystemError) in try calls.unlink(join(name)) }
        }
        try synchronizeDirectory(path)
    }

    private func join(_ name: String) -> String { "\(path)/\(name)" }

    private func rename(path old: String, to new: String) throws(JournalError) {
        try call("rename", old) { () throws(SystemError) in try calls.rename(old, to: new) }
        try synchronizeDirectory(path)
    }

    private func open(_ path: String, _ mode: OpenMode) throws(JournalError) -> Int32 {
        try call("open", path) { () throws(SystemError) in try calls.open(path, mode) }
    }

    private func synchronize(_ file: Int32, _ path: String) throws(JournalError) {
        try call("fsync", path) { () throws(SystemError) in try calls.synchronize(file) }
    }

    /// Makes created, renamed and removed names of a directory durable.
    func synchronizeDirectory(_ path: String) throws(JournalError) {
        let directory = try open(path, .directory)
        defer { calls.close(directory) }
        try synchronize(directory, path)
    }

    /// Creates a directory with the correct owner (mkdir(2)).
    func makeDirectory(_ path: String) throws(JournalError) {
        try call("mkdir", path) { () throws(SystemError) in try calls.makeDirectory(path) }
    }

    private func makeDirectory() throws(JournalError) {
        do throws(JournalError) {
            try makeDirectory(path)
        } catch {
            guard case .io(_, EEXIST, _) = error else { throw error }
            // The start that created it may have been interrupted before its name was on stable storage.
            let holdsJournal = try names().contains { $0.hasSuffix(".jrn") || $0.hasSuffix(SnapshotName.ending) }
            if holdsJournal { return }
        }
        try synchronizeDirectory(parent(of: path))
    }
}

/// Returns the parent directory of a path.
func parent(of path: String) -> String {
    var trimmed = path[...]
    while trimmed.utf8.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
    guard let slash = trimmed.lastIndex(of: "/") else { return "." }
    return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
}
