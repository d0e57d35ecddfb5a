import Accounts
import Glibc
package import Journal
import Platform

/// Waits for the lock of a state directory.
///
/// A service records in the lock file whether it is serving or about to end. Nothing waits for one that is serving: two
/// services with one directory are a mistake, or the second one started too early and its manager restarts it.
package enum StateLock {
    static let serving = "serving\n"
    static let leaving = "leaving\n"
    /// Milliseconds in which a serving process may begin to stop, if its manager already starts the next.
    private static let servingPatience: Int64 = 1_000
    private static let pauseMicroseconds: UInt32 = 10_000

    /// Returns when the lock has been free for a moment.
    ///
    /// - Parameter evenWhileServing: whether the service that holds the lock is known to be about to end.
    /// - Throws: `.locked` after `seconds`, or sooner if the service that holds the lock continues to serve.
    package static func wait(
        _ state: String, seconds: Int64, evenWhileServing: Bool = false
    ) throws(JournalError) {
        let began = MonotonicClock.nanoseconds() / 1_000_000
        while true {
            do throws(JournalError) {
                let storage = DirectoryStorage(path: state)
                try storage.lock()
                return storage.unlock()
            } catch {
                guard case .locked(let path) = error else { throw error }
                let waited = MonotonicClock.nanoseconds() / 1_000_000 - began
                let isServing = waited >= servingPatience && !evenWhileServing && says(path) == serving
                guard waited < seconds * 1_000, !isServing else { throw error }
                usleep(pauseMicroseconds)
            }
        }
    }

    /// Whether a serving process holds the lock. Retries briefly, because two readers may collide.
    static func isHeld(_ state: String) -> Bool {
        let path = state + "/LOCK"
        guard says(path) == serving else { return false }
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { return false }
        defer { close(file) }
        return flock(file, LOCK_SH | LOCK_NB) != 0
    }

    private static func says(_ path: String) -> String? {
        (try? AtomicFile.read(path, byteCountMax: 64)).map { String(decoding: $0, as: UTF8.self) }
    }
}
