import Platform
import Synchronization

/// A fixed number of low-priority threads that hash passwords, with a bounded queue.
///
/// Hashing here keeps the event loops free: the threads run at nice 10, and work that does not fit into the queue is
/// rejected at once.
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

    /// Queues `work` for the next free worker.
    /// - Returns: `false` if all workers are busy and the queue is full, or after ``close()``; `work` will then not
    ///   run.
    package func submit(_ work: @escaping @Sendable () -> Void) -> Bool {
        queue.push(work)
    }

    /// The work that waits, the work in progress, and the work that was rejected since the start.
    package var counts: (queued: Int, busy: Int, rejected: Int) {
        let counts = queue.counts
        return (counts.queued, counts.busy, counts.rejected)
    }

    /// Rejects new work, waits until the workers have finished what is queued, and returns when they have stopped.
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
