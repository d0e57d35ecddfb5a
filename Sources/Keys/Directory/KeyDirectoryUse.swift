import Glibc
import Synchronization

/// Marks the directory of keys as in use while the process lives (flock(2)), so that a command knows whether a service has to
/// apply its change or whether there is none.
package final class KeyDirectoryUse: Sendable {
    private struct Held {
        var file: Int32 = -1
        var device: UInt64 = 0
        var inode: UInt64 = 0
    }

    private let path: String
    private let held = Mutex(Held())

    package init(path: String) {
        self.path = path
    }

    deinit {
        held.withLock { held in
            if held.file >= 0 { close(held.file) }
        }
    }

    /// Marks the directory that is at the path now; a volume may have been mounted over the one before.
    package func mark() {
        held.withLock { held in
            var status = stat()
            guard unsafe stat(path, &status) == 0 else { return }
            let isSame = held.file >= 0 && held.device == UInt64(status.st_dev) && held.inode == UInt64(status.st_ino)
            guard !isSame else { return }
            let file = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard file >= 0 else { return }
            guard Self.locks(file, LOCK_SH) else {
                close(file)
                return
            }
            if held.file >= 0 { close(held.file) }
            held = Held(file: file, device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
        }
    }

    /// Whether a running service of this machine reads the keys in the directory; true also where that cannot be found out.
    package static func isMarked(_ path: String) -> Bool {
        let file = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard file >= 0 else { return errno != ENOENT }
        defer { close(file) }
        return !locks(file, LOCK_EX)
    }

    /// A command has the lock for a moment while it checks, so another one tries again before it assumes a service.
    private static func locks(_ file: Int32, _ operation: Int32) -> Bool {
        for _ in 0..<20 {
            if flock(file, operation | LOCK_NB) == 0 { return true }
            usleep(1_000)
        }
        return false
    }
}
