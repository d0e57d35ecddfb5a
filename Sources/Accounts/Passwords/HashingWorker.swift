import Glibc
import Platform

/// One thread of a ``HashingPool``.
final class HashingWorker {
    /// Lower priority than the event loops, higher than background work.
    private static let niceness: Int32 = 10

    private let queue: HashingQueue

    private init(queue: HashingQueue) {
        self.queue = queue
    }

    /// - Throws: `.thread` if the system has no room for another thread.
    static func start(_ queue: HashingQueue, index: Int) throws(AccountsError) -> Thread {
        let name = "hash-\(index)"
        do throws(ThreadError) {
            return try Thread(name: name) { HashingWorker(queue: queue).run() }
        } catch {
            throw .thread(error)
        }
    }

    func run() {
        // On Linux a priority belongs to a thread, and 0 means the calling one. Failing to be nice is no reason not
        // to work.
        _ = setpriority(__priority_which_t(UInt32(PRIO_PROCESS.rawValue)), 0, Self.niceness)
        let memory = Argon2Memory()
        memory.use { serve(with: memory) }
    }

    private func serve(with memory: Argon2Memory) {
        var holdsMemory = false
        while true {
            switch queue.next(waitsIdle: holdsMemory) {
            case .work(let work):
                queue.run(work)
                holdsMemory = true
            case .idle:
                memory.release()
                holdsMemory = false
            case .closed:
                return
            }
        }
    }
}
