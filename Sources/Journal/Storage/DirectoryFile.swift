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
    /// The state of the directory in which the file certainly was in place; nil if the next check must be complete.
    private let verified = Mutex<DirectoryChanges?>(nil)
    /// The range whose write-back has been started.
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

    /// At most one piece is being written back while the next one is prepared; otherwise a commit would wait for a long
    /// queue.
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
            // Some file systems do not support this call; `settle()` then does all of the work.
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
            // A full disk can report zero bytes written without an error; without this check the loop would not
            // terminate.
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

    /// Checks that the file still has its name: writes to an unlinked file succeed and are lost when the process exits.
    ///
    /// While no name in the directory changes, this costs one system call.
    private func checkStillInPlace() throws(JournalError) {
        let changes = storage.changes()
        if let changes, verified.withLock({ $0?.isSameState(as: changes) ?? false }) { return }
        let file = descriptor.withLock { $0 }
        let ours = try call("fstat", path) { () throws(SystemError) in try calls.status(of: file) }
        guard ours.linkCount > 0, let named = try? calls.status(of: path),
            named.isSameFile(as: ours)
        else { throw .replaced(path: path) }
        try storage.checkClaim(changes)
        // The state was read before the check, so a name that changed during it makes the next check complete.
        verified.withLock { $0 = changes.flatMap { $0.isSettled ? $0 : nil } }
    }
}

/// Repeats a call that a signal interrupts.
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
