internal import CLinux
internal import Glibc
internal import Synchronization

/// State protected by a lock, with a thread that waits for changes.
///
/// `@unchecked Sendable` holds because `state` is touched only between lock and unlock of `mutex`.
@safe package final class ConditionLock<State>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var state: State
    /// The number of changes, for a thread that polls instead of sleeping.
    private let signals = Atomic<UInt64>(0)

    package init(_ state: State) {
        self.state = state
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe condition.initialize(to: pthread_cond_t())
        unsafe pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        // A timed wait must not depend on a clock that can be set.
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

    /// Nothing is called out to from `body`, and no I/O is done in it.
    package func withLock<Answer>(_ body: (inout State) -> Answer) -> Answer {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return body(&state)
    }

    /// Sleeps until `body` answers; it is asked at once, and again after each ``signal()``.
    package func wait<Answer>(until body: (inout State) -> Answer?) -> Answer {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while true {
            if let answer = body(&state) { return answer }
            unsafe pthread_cond_wait(condition, mutex)
        }
    }

    /// As ``wait(until:)``, but watches for a signal first, for as long as that has been paying.
    package func wait<Answer>(_ patience: inout AdaptiveSpin, until body: (inout State) -> Answer?) -> Answer {
        let seen = signals.load(ordering: .acquiring)
        // This call of `body` sees all earlier changes, and later ones are signaled.
        if let answer = withLock(body) { return answer }
        let began = clinux_nanoseconds()
        let end = began &+ patience.budget
        while signals.load(ordering: .acquiring) == seen, clinux_nanoseconds() < end { clinux_relax() }
        let answer = wait(until: body)
        patience.learn(clinux_nanoseconds() &- began)
        return answer
    }

    /// As ``wait(until:)``, but nil after `nanoseconds` without an answer.
    package func wait<Answer>(atMost nanoseconds: Int64, until body: (inout State) -> Answer?) -> Answer? {
        var end = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &end)
        let rest = Int64(end.tv_nsec) &+ nanoseconds % 1_000_000_000
        end.tv_sec += Int(clamping: nanoseconds / 1_000_000_000 &+ rest / 1_000_000_000)
        end.tv_nsec = Int(clamping: rest % 1_000_000_000)
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while true {
            if let answer = body(&state) { return answer }
            guard unsafe pthread_cond_timedwait(condition, mutex, &end) == 0 else { return body(&state) }
        }
    }

    /// How many signals there were, for a simulation of a thread that waits.
    package var signalCount: UInt64 { signals.load(ordering: .acquiring) }

    /// Wakes the thread that waits; costs no system call if none does.
    package func signal() {
        signals.wrappingAdd(1, ordering: .releasing)
        unsafe pthread_cond_signal(condition)
    }

    /// Wakes every thread that waits.
    package func broadcast() {
        signals.wrappingAdd(1, ordering: .releasing)
        unsafe pthread_cond_broadcast(condition)
    }
}
