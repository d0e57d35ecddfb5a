internal import Glibc
internal import Platform

/// Why the journal cannot be read or written. The description names the file, the offset and the remedy.
package enum JournalError: Error, Equatable, Sendable {
    /// Another process has locked the directory.
    case locked(path: String)
    /// Data that was on stable storage is missing or changed.
    case corrupt(file: String, offset: UInt64, expectation: String)
    /// Another version wrote the file.
    case unsupported(file: String, offset: UInt64, what: String)
    case io(function: String, errno: Int32, path: String)
    /// The file that is being written was unlinked, moved or replaced.
    case replaced(path: String)
    /// Another process may be writing the journal.
    case contested(what: String)
    /// An earlier write or sync failed. It is unknown whether the last records are on disk, so nothing is acknowledged
    /// any more.
    case unwritable(reason: String)
    /// The writer was closed.
    case closed
    /// The journal is older than its high-water mark, or is a different journal.
    case rolledBack(what: String)
    /// The directory has the files of another use: a journal and the copy of an engine do not replace each other.
    case otherUse(what: String)
    /// The engine behind the ledger cannot record anything now.
    case unavailable(reason: String)
}

extension JournalError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .locked(let path):
            "\(path) is locked: another process uses this state directory. Stop it, or choose another directory."
        case .corrupt(let file, let offset, let expectation):
            """
            \(file) is damaged at offset \(offset): \(expectation). Acknowledged records may be missing, so the start \
            is refused. Restore the state directory from a copy; without one, move the directory away and rotate all \
            signing keys.
            """
        case .unsupported(let file, let offset, let what):
            """
            \(file) has \(what) at offset \(offset), which this version does not know. Start the version that wrote it, \
            or a newer one.
            """
        case .io("mkdir", ENOENT, let path):
            "\(path) cannot be created: its parent directory does not exist. Create it, mount its volume, or set MARTLET_STATE."
        case .io("opendir", ENOENT, let path):
            "\(path): the directory does not exist. Name the journal's directory with --state or MARTLET_STATE."
        case .io(let function, let code, let path):
            FileErrorText.remedied(path, code).map { "\(path): \($0)." }
                ?? "\(function) failed for \(path): \(FileErrorText.message(of: code)). Check space, permissions and the disk."
        case .replaced(let path):
            "\(path) was unlinked or replaced while it was being written. Restore it if you can, and restart."
        case .contested(let what):
            """
            \(what): another process may be writing this journal, so this one no longer acknowledges \
            anything. Make sure that only one process uses the directory, and restart that one.
            """
        case .unwritable(let reason):
            "the journal has accepted no records since: \(reason)"
        case .closed:
            "the journal is closed."
        case .rolledBack(let what):
            """
            \(what). Acknowledged records are missing, so the start is refused. Put the newer \
            state directory back; if it was restored from a copy on purpose, `martlet journal accept` ends all sessions \
            that began before now and lets the service start.
            """
        case .otherUse(let what): what
        case .unavailable(let reason): "the store records nothing now: \(reason)"
        }
    }

    /// Whether acknowledged records may be missing from the directory. A new segment would hide that.
    var isFinal: Bool {
        switch self {
        case .replaced, .contested: true
        case .locked, .corrupt, .unsupported, .io, .unwritable, .closed, .rolledBack, .otherUse, .unavailable: false
        }
    }

    /// Whether the same command may succeed later although no setting or file has changed.
    package var mayPass: Bool {
        switch self {
        case .io(_, let code, let path): TransientCondition.mayPass(code, path: path)
        case .locked, .replaced, .contested, .unwritable, .closed, .unavailable: true
        case .corrupt, .unsupported, .rolledBack, .otherUse: false
        }
    }

    /// Whether there was no space, because of the disk, a quota or a process limit.
    var isFullDisk: Bool {
        guard case .io(_, let code, _) = self else { return false }
        return code == ENOSPC || code == EDQUOT || code == EFBIG
    }

    /// Returns the error of the call that just returned, from `errno`.
    static func current(_ function: String, _ path: String) -> JournalError {
        .io(function: function, errno: errno, path: path)
    }
}

extension JournalError {
    /// Starts a thread.
    /// - Throws: `.io` if the system has no room for another one.
    static func thread(_ name: String, _ body: @escaping @Sendable () -> Void) throws(JournalError) -> Thread {
        do throws(ThreadError) {
            return try Thread(name: name, body)
        } catch {
            throw .io(function: "pthread_create", errno: error.code, path: name)
        }
    }
}
