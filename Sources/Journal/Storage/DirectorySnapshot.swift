internal import Glibc
internal import Synchronization

/// A consistent view of the files of a journal at one moment. The files are open, so they can be read completely even
/// if a server compacts its journal and removes them meanwhile. It changes nothing and takes no lock.
@safe package final class DirectorySnapshot: JournalSource {
    private static let attemptCountMax = 200
    private static let pauseMicroseconds: UInt32 = 10_000

    private let path: String
    private let descriptors: [String: Int32]
    private let onRead: @Sendable (Int) -> Void

    /// Opens all files of the journal.
    ///
    /// - Parameter onRead: receives the number of bytes of each read.
    /// - Throws: `.io` if the directory or one of its files cannot be opened, or if the files kept changing.
    package init(path: String, onRead: @escaping @Sendable (Int) -> Void = { _ in }) throws(JournalError) {
        self.path = path
        self.onRead = onRead
        let directory = DirectoryStorage(path: path)
        for _ in 0..<Self.attemptCountMax {
            let names = try directory.names().filter { SegmentName($0) != nil || SnapshotName($0) != nil }
            if let descriptors = try Self.open(names, in: path) {
                let after = try directory.names().filter { SegmentName($0) != nil || SnapshotName($0) != nil }
                // Reading a directory is not atomic. If the names are the same before and after opening, the view is
                // consistent.
                if Set(names) == Set(after) {
                    self.descriptors = descriptors
                    return
                }
                for descriptor in descriptors.values { close(descriptor) }
            }
            usleep(Self.pauseMicroseconds)
        }
        throw .io(function: "opendir", errno: EAGAIN, path: path)
    }

    deinit { for descriptor in descriptors.values { close(descriptor) } }

    package func names() throws(JournalError) -> [String] { Array(descriptors.keys) }

    package func byteCount(of name: String) throws(JournalError) -> UInt64 {
        var status = stat()
        guard unsafe fstat(descriptor(name), &status) == 0 else { throw .current("fstat", "\(path)/\(name)") }
        return UInt64(clamping: status.st_size)
    }

    package func read(_ name: String, at offset: UInt64, count: Int) throws(JournalError) -> [UInt8] {
        // Reopened through /proc, past the page cache: this is the open file, whatever its name refers to now.
        let bytes = try DirectReader("/proc/self/fd/\(descriptor(name))").read(at: offset, count: count)
        onRead(bytes.count)
        return bytes
    }

    private func descriptor(_ name: String) -> Int32 { descriptors[name] ?? -1 }

    /// Opens the files.
    ///
    /// - Returns: nil if a file was removed meanwhile.
    private static func open(_ names: [String], in path: String) throws(JournalError) -> [String: Int32]? {
        var descriptors: [String: Int32] = [:]
        for name in names {
            let full = "\(path)/\(name)"
            let descriptor = unsafe Glibc.open(full, O_RDONLY | O_CLOEXEC)
            if descriptor >= 0 {
                descriptors[name] = descriptor
                continue
            }
            let code = errno
            for descriptor in descriptors.values { close(descriptor) }
            if code == ENOENT { return nil }
            throw .io(function: "open", errno: code, path: full)
        }
        return descriptors
    }
}
