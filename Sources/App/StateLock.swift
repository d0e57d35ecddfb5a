import Accounts
import Glibc
package import Journal
import Platform

/// Waiting for the lock of a state directory.
///
/// A service writes into the lock file whether it serves or is about to end. One that serves is not waited for: two
/// services with one directory are a mistake, or the second one comes too early and is started again by its manager.
package enum StateLock {
    static let serving = "serving\n"
    static let leaving = "leaving\n"
    /// The longest setting, in seconds.
    static let waitMax: Int64 = 600
    /// Milliseconds for a service that serves to begin its end, as when a manager stops one and starts the next.
    private static let servingPatience: Int64 = 1_000
    private static let pauseMicroseconds: UInt32 = 10_000

    /// Returns when the lock was free for a moment.
    ///
    /// - Parameter evenWhileServing: whether the service that holds it is known to be about to end.
    /// - Throws: `.locked` after `seconds`, or sooner if the service that holds the lock goes on serving.
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

    /// Whether a service that serves holds the lock; tried for a moment, as two readers may.
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

    /// As MARTLET_LOCK_WAIT spells it, in seconds; nil for anything else.
    package static func seconds(_ text: String?) -> Int64? {
        guard let seconds = SettingsReader.seconds(text ?? Setting.lockWait.defaultText), seconds <= waitMax else {
            return nil
        }
        return seconds
    }
}
