import Glibc

/// One thread of a ``HashingPool``.
final class HashingWorker {
    /// Below everything that answers at once, above what is merely left to run.
    private static let niceness: Int32 = 10

    private let queue: HashingQueue
    private let name: String

    private init(queue: HashingQueue, name: String) {
        self.queue = queue
        self.name = name
    }

    /// Wraps `pthread_create`; the thread takes no signals, so that they reach whoever waits for them.
    static func start(_ queue: HashingQueue, index: Int) throws(AccountsError) -> pthread_t {
        let worker = HashingWorker(queue: queue, name: "hash-\(index)")
        let context = unsafe Unmanaged.passRetained(worker)
        var all = sigset_t()
        var before = sigset_t()
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
        var thread = pthread_t()
        let status = unsafe pthread_create(&thread, nil, hashingWorkerMain, context.toOpaque())
        unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
        guard status == 0 else {
            unsafe context.release()
            throw .system(call: "pthread_create", path: worker.name, code: status)
        }
        return thread
    }

    func run() {
        Self.nameThread(name)
        // On Linux a priority belongs to a thread, and 0 means the calling one. Failing to be nice is no reason not
        // to work.
        _ = setpriority(__priority_which_t(UInt32(PRIO_PROCESS.rawValue)), 0, Self.niceness)
        let memory = Argon2Memory()
        memory.use { serve(with: memory) }
    }

    /// What `pthread_setname_np` does for the calling thread; glibc shows that one only to `_GNU_SOURCE`. A nameless
    /// thread works as well, so nothing here is checked.
    private static func nameThread(_ name: String) {
        let file = unsafe open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        let octets = Array(name.utf8)
        _ = unsafe octets.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
        Glibc.close(file)
    }

    private func serve(with memory: Argon2Memory) {
        var holdsMemory = false
        while true {
            switch queue.next(waitsIdle: holdsMemory) {
            case .work(let work):
                work()
                queue.finish()
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

/// Where a worker's thread begins; top-level because a closure in a type may be bound to an actor.
private func hashingWorkerMain(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context = unsafe context else { return nil }
    unsafe Unmanaged<HashingWorker>.fromOpaque(context).takeRetainedValue().run()
    return nil
}
