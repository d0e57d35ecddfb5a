internal import CLinux
internal import Glibc

/// A thread of the operating system that runs one function to its end.
///
/// Every signal is blocked in it: signals reach only the thread that waits for them.
@safe package struct Thread: @unchecked Sendable {
    // A pthread_t is a number, so it is safe in any thread.
    private let thread: pthread_t

    /// - Parameter name: at most 15 bytes.
    /// - Throws: if the system has no room for another thread (pthread_create(3)).
    package init(name: String, _ body: @escaping @Sendable () -> Void) throws(ThreadError) {
        let work = unsafe Unmanaged.passRetained(Work(name: name, run: body))
        var all = sigset_t()
        var before = sigset_t()
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
        var thread = pthread_t()
        let code = unsafe pthread_create(&thread, nil, enter, work.toOpaque())
        unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
        guard code == 0 else {
            unsafe work.release()
            throw ThreadError(name: name, code: code)
        }
        self.thread = thread
    }

    /// Waits until the function has returned. Called on the thread itself it only detaches: a thread that waits for itself
    /// never ends.
    package func join() {
        if pthread_equal(thread, pthread_self()) != 0 {
            pthread_detach(thread)
        } else {
            pthread_join(thread, nil)
        }
    }

    /// Lets the system free the thread when its function has returned.
    package func detach() { pthread_detach(thread) }

    package static func sleep(milliseconds: Int) {
        usleep(UInt32(clamping: milliseconds.multipliedReportingOverflow(by: 1_000).partialValue))
    }
}

/// The system did not start a thread.
package struct ThreadError: Error, Equatable, Sendable, CustomStringConvertible {
    package let name: String
    /// An errno(3).
    package let code: Int32

    package var description: String { "could not start a thread for \(name): \(FileErrorText.message(of: code))" }
}

private final class Work: Sendable {
    let name: String
    let run: @Sendable () -> Void

    init(name: String, run: @escaping @Sendable () -> Void) {
        self.name = name
        self.run = run
    }
}

/// Where a thread begins; at the top level because a closure in a type may be bound to an actor.
private func enter(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let argument = unsafe argument {
        let work = unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
        unsafe clinux_name_thread(work.name)
        work.run()
    }
    return nil
}
