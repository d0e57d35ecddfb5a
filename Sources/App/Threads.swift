import CLinux
import Glibc

/// A thread of our own beside the loops.
package enum Threads {
    private final class Work {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// - Parameter name: at most 15 octets.
    /// - Throws: when the system has no room for another thread (pthread_create(3)).
    package static func start(name: String, _ run: @escaping @Sendable () -> Void) throws(StartError) {
        var thread = pthread_t()
        let work = unsafe Unmanaged.passRetained(
            Work {
                unsafe clinux_name_thread(name)
                run()
            })
        let result = unsafe pthread_create(
            &thread, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, work.toOpaque())
        guard result == 0 else {
            unsafe work.release()
            let reason = unsafe String(cString: strerror(result))
            throw StartError(description: "no thread can be started for \(name): \(reason)", mayPass: true)
        }
        pthread_detach(thread)
    }

    static func sleep(milliseconds: Int) {
        usleep(UInt32(clamping: milliseconds * 1_000))
    }
}
