import Glibc

/// The work that waits for a ``HashingPool``'s workers, first in, first out.
///
/// `@unchecked Sendable` holds because everything that changes is touched only between `pthread_mutex_lock` and
/// `unlock`; `Mutex` has no condition to wait for.
@safe final class HashingQueue: @unchecked Sendable {
    typealias Work = @Sendable () -> Void

    enum Next {
        case work(Work)
        /// Nothing came for the idle time; says so once, then waits without end.
        case idle
        case closed
    }

    struct Counts {
        var queued = 0
        var busy = 0
        var rejected = 0
    }

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let outstandingMax: Int
    private let idleMilliseconds: Int
    private var slots: [Work?]
    private var head = 0
    private var state = Counts()
    private var isClosed = false

    init(workers: Int, queueCountMax: Int, idleMilliseconds: Int) {
        outstandingMax = workers.addingReportingOverflow(queueCountMax).overflow ? Int.max : workers + queueCountMax
        self.idleMilliseconds = idleMilliseconds
        slots = []
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe condition.initialize(to: pthread_cond_t())
        unsafe pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        // The wall clock may jump; waiting should not.
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    var counts: Counts { locked { state } }

    func push(_ work: @escaping Work) -> Bool {
        locked {
            guard !isClosed, state.queued + state.busy < outstandingMax else {
                state.rejected &+= 1
                return false
            }
            slots.append(work)
            state.queued += 1
            unsafe pthread_cond_signal(condition)
            return true
        }
    }

    /// The next work, counted as busy until ``finish()``.
    /// - Parameter waitsIdle: whether to come back after the idle time.
    func next(waitsIdle: Bool) -> Next {
        let deadline = Self.deadline(after: idleMilliseconds)
        return locked {
            while state.queued == 0 {
                if isClosed { return .closed }
                guard waitsIdle else {
                    unsafe pthread_cond_wait(condition, mutex)
                    continue
                }
                let status = unsafe withUnsafePointer(to: deadline) {
                    unsafe pthread_cond_timedwait(condition, mutex, $0)
                }
                if status == ETIMEDOUT, state.queued == 0 { return .idle }
            }
            state.queued -= 1
            state.busy += 1
            return .work(pop())
        }
    }

    func finish() {
        locked { state.busy -= 1 }
    }

    func close() {
        locked {
            isClosed = true
            unsafe pthread_cond_broadcast(condition)
        }
    }

    private func pop() -> Work {
        guard let work = slots[head] else { preconditionFailure("a queue's counted slot is full") }
        slots[head] = nil
        head += 1
        // Half of the slots empty: move the rest down, so that a queue that is never quite empty does not grow.
        if head * 2 >= slots.count {
            slots.removeFirst(head)
            head = 0
        }
        return work
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return body()
    }

    private static func deadline(after milliseconds: Int) -> timespec {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        let nanoseconds = time.tv_nsec + milliseconds % 1_000 * 1_000_000
        time.tv_sec += milliseconds / 1_000 + nanoseconds / 1_000_000_000
        time.tv_nsec = nanoseconds % 1_000_000_000
        return time
    }
}
