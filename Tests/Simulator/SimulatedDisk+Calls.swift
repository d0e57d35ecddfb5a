import Glibc
import Journal

/// The calls that the journal makes.
extension SimulatedDisk: SystemCalls {
    func open(_ path: String, _ mode: OpenMode) throws(SystemError) -> Int32 {
        if path.hasSuffix(".snap.tmp") { onCompaction?() }
        let isLast = try begin()
        if faults.hasNoDescriptors { throw SystemError(EMFILE) }
        let (directory, name) = Self.split(path)
        let target: Target
        switch mode {
        case .directory:
            guard directories[path] != nil else { throw SystemError(ENOENT) }
            target = .directory(path)
        case .existing:
            if faults.isReadOnly || isAborted { throw SystemError(EROFS) }
            guard let file = directories[directory]?.names[name] else { throw SystemError(ENOENT) }
            target = .file(file, isSynchronous: false)
        case .lock, .draft, .unsettledDraft:
            if faults.isReadOnly || isAborted { throw SystemError(EROFS) }
            if random.chance(faults.failingName) { throw SystemError(EIO) }
            guard let names = directories[directory]?.names else { throw SystemError(ENOENT) }
            if let file = names[name] {
                target = .file(file, isSynchronous: mode == .draft)
                if mode != .lock { discard(file) }
            } else {
                files[nextFile] = SimulatedFile()
                link(directory, name, nextFile)
                target = .file(nextFile, isSynchronous: mode == .draft)
                nextFile += 1
            }
        }
        if isLast { throw SystemError(EIO) }
        defer { nextDescriptor += 1 }
        descriptors[nextDescriptor] = target
        return nextDescriptor
    }

    func close(_ file: Int32) {
        guard let target = descriptors.removeValue(forKey: file) else { return }
        guard case .file(let number, _) = target else { return }
        if isLockFile(number) { isLocked = false }
        dropNameless()
    }

    func write(_ octets: [UInt8], from start: Int, to file: Int32, at offset: UInt64) throws(SystemError) -> Int {
        guard case .file(_, let isSynchronous) = descriptors[file] else { throw SystemError(EBADF) }
        return try write(octets, from: start, to: file, at: offset, isSynchronous: isSynchronous)
    }

    /// - Parameter isSynchronous: whether the file counts as opened with `O_DSYNC`.
    func write(
        _ octets: [UInt8], from start: Int, to file: Int32, at offset: UInt64, isSynchronous: Bool
    ) throws(SystemError) -> Int {
        onWrite?()
        let isLast = try begin()
        guard case .file(let number, _) = descriptors[file], let size = files[number]?.cached.count
        else { throw SystemError(EBADF) }
        if faults.isReadOnly || isAborted { throw SystemError(EROFS) }
        if random.chance(faults.failingWrite) { throw SystemError(EIO) }
        let offset = Int(offset)
        var end = octets.count
        if random.chance(faults.shortWrite) { end = start + 1 + random.below(end - start) }
        if isLast { end = start + random.below(end - start + 1) }
        if faults.isFull, offset + (end - start) > size {
            // What little is left is enough for a part.
            let count = min(end - start, max(0, size - offset) + room)
            guard count > 0 else { throw SystemError(ENOSPC) }
            end = start + count
            room -= max(0, offset + count - size)
        }
        files[number]?.write(octets[start..<end], at: offset)
        if isLast, random.below(2) == 0 { throw SystemError(EIO) }
        if isSynchronous { try synchronize(file: number) }
        if isLast { throw SystemError(EIO) }
        return end - start
    }

    func synchronize(_ file: Int32) throws(SystemError) {
        let isLast = try begin()
        if isLast, random.below(2) == 0 { throw SystemError(EIO) }
        if isAborted { throw SystemError(EROFS) }
        switch descriptors[file] {
        case .file(let number, _): try synchronize(file: number)
        case .directory(let path):
            if random.chance(faults.failingSync) {
                // Names are the file system's own: it does not go on after it could not write them, or it tries again.
                isAborted = random.below(2) == 0
                throw SystemError(EIO)
            }
            directories[path]?.synchronize()
            dropNameless()
        case nil: throw SystemError(EBADF)
        }
        if isLast { throw SystemError(EIO) }
    }

    /// Makes nothing durable, so a disk that does nothing at all is within its rights.
    func writeBack(_ file: Int32, from offset: UInt64, count: Int, waits: Bool) throws(SystemError) {
        let isLast = try begin()
        if isLast || random.chance(faults.failingWrite) { throw SystemError(EIO) }
    }

    func truncate(_ file: Int32, to byteCount: UInt64) throws(SystemError) {
        let isLast = try begin()
        guard case .file(let number, _) = descriptors[file] else { throw SystemError(EBADF) }
        if random.chance(faults.failingWrite) { throw SystemError(EIO) }
        if let before = files[number]?.medium, before.count > Int(byteCount) { keepStale(before) }
        files[number]?.truncate(to: Int(byteCount))
        if isLast { throw SystemError(EIO) }
    }

    func rename(_ path: String, to newPath: String) throws(SystemError) {
        if path.hasSuffix(".snap.tmp") { onCompaction?() }
        let isLast = try begin()
        try checkNames()
        let (directory, name) = Self.split(path)
        let newName = Self.split(newPath).name
        guard directories[directory]?.names[name] != nil else { throw SystemError(ENOENT) }
        if let replaced = directories[directory]?.names[newName] { files[replaced]?.linkCount -= 1 }
        directories[directory]?.rename(name, to: newName)
        dropNameless()
        if isLast { throw SystemError(EIO) }
    }

    func unlink(_ path: String) throws(SystemError) {
        // The writer itself removes drafts of segments and the reserve.
        if path.hasSuffix(".jrn") || path.hasSuffix(".snap") || path.hasSuffix(".snap.tmp") { onCompaction?() }
        let isLast = try begin()
        try checkNames()
        let (directory, name) = Self.split(path)
        guard let file = directories[directory]?.names[name] else { throw SystemError(ENOENT) }
        directories[directory]?.unlink(name)
        files[file]?.linkCount -= 1
        dropNameless()
        if isLast { throw SystemError(EIO) }
    }

    func makeDirectory(_ path: String) throws(SystemError) {
        let isLast = try begin()
        guard directories[path] == nil else { throw SystemError(EEXIST) }
        try checkNames()
        directories[path] = SimulatedDirectory()
        directories[Self.root]?.link(Self.split(path).name, 0)
        if isLast { throw SystemError(EIO) }
    }

    func lock(_ file: Int32) throws(SystemError) {
        if isLocked { throw SystemError(EWOULDBLOCK) }
        isLocked = true
    }

    func unlock(_: Int32) { isLocked = false }

    func names(in path: String) throws(SystemError) -> [String] {
        guard let directory = directories[path] else { throw SystemError(ENOENT) }
        return directory.names.keys.sorted()
    }

    func changes(in path: String) throws(SystemError) -> DirectoryChanges {
        guard let directory = directories[path] else { throw SystemError(ENOENT) }
        return DirectoryChanges(device: 1, inode: 1, time: directory.changeCount, isSettled: true)
    }

    func status(of path: String) throws(SystemError) -> FileStatus {
        let (directory, name) = Self.split(path)
        guard let file = directories[directory]?.names[name] else { throw SystemError(ENOENT) }
        return status(ofNumber: file)
    }

    func status(of file: Int32) throws(SystemError) -> FileStatus {
        guard case .file(let number, _) = descriptors[file] else { throw SystemError(EBADF) }
        return status(ofNumber: number)
    }

    func read(_ path: String, at offset: UInt64, count: Int) throws(JournalError) -> [UInt8] {
        Self.part(of: try file(path).direct, at: offset, count)
    }

    /// As if the file had been opened without `O_DIRECT`.
    func readCached(_ path: String, at offset: UInt64, count: Int) throws(JournalError) -> [UInt8] {
        Self.part(of: try file(path).cached, at: offset, count)
    }
}
