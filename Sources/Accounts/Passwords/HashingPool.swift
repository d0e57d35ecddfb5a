import Platform
import Synchronization

/// A fixed number of low-priority threads that hash passwords, and a bounded queue in front of them.
///
/// Logins wait here so that the event loops never do: the threads run at nice 10, and what does not fit is refused at
/// once.
package final class HashingPool: Sendable {
    private let queue: HashingQueue
    private let threads: Mutex<[Thread]>

    /// - Parameters:
    ///   - workers: threads, at least 1.
    ///   - queueCountMax: how many may wait while all workers are busy.
    ///   - idleMilliseconds: after this time without work a worker gives its Argon2 memory back.
    /// - Throws: `.thread` if not one thread could be started.
    package init(workers: Int, queueCountMax: Int, idleMilliseconds: Int = 2_000) throws(AccountsError) {
        let workers = max(workers, 1)
        queue = HashingQueue(
            workers: workers, queueCountMax: max(queueCountMax, 0), idleMilliseconds: max(idleMilliseconds, 1))
        threads = Mutex([])
        var started: [Thread] = []
        for index in 0..<workers {
            do throws(AccountsError) {
                started.append(try HashingWorker.start(queue, index: index))
            } catch {
                threads.withLock { $0 = started }
                close()
                throw error
            }
        }
        threads.withLock { $0 = started }
    }

    deinit { close() }

    /// Hands `work` to the next free worker.
    /// - Returns: `false` if all workers are busy and the queue is full, or after ``close()``; `work` will not run
    ///   then.
    package func submit(_ work: @escaping @Sendable () -> Void) -> Bool {
        queue.push(work)
    }

    /// Work that no worker has taken up yet, work that a worker is at, and work that was refused since the start.
    package var counts: (queued: Int, busy: Int, rejected: Int) {
        let counts = queue.counts
        return (counts.queued, counts.busy, counts.rejected)
    }

    /// Takes no more work, lets the workers finish what is queued, and returns when they have ended.
    package func close() {
        queue.close()
        let ended = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        // The last reference may be released in a worker's own work; join() does not wait for the calling thread.
        for thread in ended { thread.join() }
    }
}
