import CLinux
import Glibc

/// A thread of the operating system that runs one function to its end.
@safe struct LoopThread {
    private final class Job {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    private let thread: pthread_t

    /// - Parameter name: at most 15 octets.
    /// - Returns: nil when the system has no room for another thread (pthread_create(3)).
    init?(name: String, _ body: @escaping @Sendable () -> Void) {
        let job = unsafe Unmanaged.passRetained(Job(name: name, body: body))
        var thread = pthread_t()
        let result = unsafe pthread_create(&thread, nil, { unsafe runJob($0) }, job.toOpaque())
        guard result == 0 else {
            unsafe job.release()
            return nil
        }
        self.thread = thread
    }

    /// Waits for the function to return.
    func join() {
        _ = pthread_join(thread, nil)
    }

    /// Takes over the reference that `init` made.
    fileprivate static func run(_ argument: UnsafeMutableRawPointer) {
        let job = unsafe Unmanaged<Job>.fromOpaque(argument).takeRetainedValue()
        unsafe clinux_name_thread(job.name)
        job.body()
    }
}

private func runJob(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument = unsafe argument else { return nil }
    unsafe LoopThread.run(argument)
    return nil
}
