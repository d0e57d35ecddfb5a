import Platform
import Synchronization

/// A fixed number of low-priority threads that hash passwords, with a bounded queue of two lanes.
///
/// Hashing here keeps the event loops free: the threads run at nice 10, and work that does not fit into the queue is
/// rejected at once.
package final class HashingPool: Sendable {
    private let queue: HashingQueue
    private let threads: Mutex<[Thread]>

    /// - Parameters:
    ///   - workers: threads, at least 1.
    ///   - places: how much may wait while all workers are busy.
    ///   - idleMilliseconds: after this time without work a worker gives its Argon2 memory back.
    ///   - now: milliseconds of a monotonic clock, by which work and waiting are measured.
    /// - Throws: `.thread` if not one thread could be started.
    package init(
        workers: Int, places: HashingPlaces, idleMilliseconds: Int = 2_000, now: @escaping @Sendable () -> Int64
    ) throws(AccountsError) {
        let workers = max(workers, 1)
        queue = HashingQueue(
            workers: workers, places: places, idleMilliseconds: max(idleMilliseconds, 1), now: now)
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

    /// A pool for work that no client waits for, in one lane and without a limit on the wait.
    package convenience init(
        workers: Int, queueCountMax: Int, idleMilliseconds: Int = 2_000
    ) throws(AccountsError) {
        try self.init(workers: workers, places: .batch(queueCountMax), idleMilliseconds: idleMilliseconds) { 0 }
    }

    deinit { close() }

    /// Queues `work` for the next free worker.
    ///
    /// - Parameter refused: called once instead of `work`, on any thread, if the work was queued and then lost its place
    ///   to work that goes first, or waited for too long.
    /// - Returns: why the work was not queued; in that case neither closure is called.
    package func submit(
        _ lane: HashingLane, _ work: @escaping @Sendable () -> Void,
        refused: @escaping @Sendable (HashingRefusal) -> Void
    ) -> HashingRefusal? {
        queue.push(lane, work, refuse: refused)
    }

    /// Queues `work` in the lane of known logins, however long it then waits.
    /// - Returns: `false` if all workers are busy and the lane is full, or after ``close()``; `work` will then not run.
    package func submit(_ work: @escaping @Sendable () -> Void) -> Bool {
        queue.push(.known, work, refuse: nil) == nil
    }

    package var counts: HashingCounts { queue.counts }

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
