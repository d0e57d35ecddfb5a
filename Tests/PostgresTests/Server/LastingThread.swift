import Dispatch
import Foundation
import Synchronization

/// A thread that ends with the tests only. The kernel kills a program that was started with a parent-death signal when
/// the thread that started it ends, and the threads of tests end while others still use what they have started.
enum LastingThread {
    private static let jobs = Mutex<[@Sendable () -> Void]>([])
    private static let arrived = DispatchSemaphore(value: 0)
    private static let begun: Void = Thread.detachNewThread {
        while true {
            arrived.wait()
            jobs.withLock { $0.removeFirst() }()
        }
    }

    /// Starts a program from this thread.
    static func run(_ process: Process) throws {
        _ = begun
        // The other thread writes it before it signals.
        nonisolated(unsafe) var outcome = Result<Void, any Error>.success(())
        let done = DispatchSemaphore(value: 0)
        jobs.withLock { jobs in
            jobs.append {
                outcome = Result { try process.run() }
                done.signal()
            }
        }
        arrived.signal()
        done.wait()
        try outcome.get()
    }
}
