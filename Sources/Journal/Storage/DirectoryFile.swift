internal import Glibc
internal import Synchronization

/// A file that is being written.
final class DirectoryFile: JournalFile {
    private let descriptor: Mutex<Int32>
    private let path: String
    private let calls: any SystemCalls
    private let storage: DirectoryStorage
    /// Whether it was opened with `O_DSYNC`.
    private let isSynchronous: Bool
    /// Whose writing to the disk was begun.
    private let begun = Mutex<(offset: UInt64, count: Int)?>(nil)

    init(descriptor: Int32, path: String, calls: any SystemCalls, storage: DirectoryStorage, isSynchronous: Bool = true)
    {
        self.storage = storage
        self.descriptor = Mutex(descriptor)
        self.path = path
        self.calls = calls
        self.isSynchronous = isSynchronous
    }

    deinit { close() }

    func write(_ bytes: [UInt8], at offset: UInt64) throws(JournalError) {
        try writeAll(bytes, at: offset)
        if !isSynchronous { try settle() }
        try checkStillInPlace()
    }

    /// One piece is on its way to the disk while the next one is made: never more, or the queue before a commit would be
    /// long.
    func writeUnsettled(_ bytes: [UInt8], at offset: UInt64) throws(JournalError) {
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

    private func writeBack(_ file: Int32, _ offset: UInt64, _ count: Int, waits: Bool) throws(JournalError) {
        do throws(JournalError) {
            try call("sync_file_range", path) { () throws(SystemError) in
                try calls.writeBack(file, from: offset, count: count, waits: waits)
            }
        } catch {
            // Some file systems know no such call; settling does all of it then.
            guard case .io(_, let code, _) = error, [ENOSYS, EINVAL, ESPIPE].contains(code) else { throw error }
        }
    }

    func settle() throws(JournalError) {
        let file = descriptor.withLock { $0 }
        try call("fsync", path) { () throws(SystemError) in try calls.synchronize(file) }
    }

    func writeAll(_ bytes: [UInt8], at offset: UInt64) throws(JournalError) {
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
    private func checkStillInPlace() throws(JournalError) {
        let file = descriptor.withLock { $0 }
        let ours = try call("fstat", path) { () throws(SystemError) in try calls.status(of: file) }
        guard ours.linkCount > 0, let named = try? calls.status(of: path),
            named.isSameFile(as: ours)
        else { throw .replaced(path: path) }
        try storage.checkClaim()
    }
}

/// Makes a call again for as long as a signal interrupts it.
func call<Answer>(
    _ function: String, _ path: String, _ body: () throws(SystemError) -> Answer
) throws(JournalError) -> Answer {
    while true {
        do throws(SystemError) {
            return try body()
        } catch {
            if error.code == EINTR { continue }
            throw .io(function: function, errno: error.code, path: path)
        }
    }
}
