import App
import Glibc
import Platform

/// The signals that stop or reload the service, received by a separate thread.
enum Signals {
    private static let taken = [SIGTERM, SIGINT, SIGHUP]

    /// Blocks the signals in this thread and in those it starts. Call it before any other thread runs.
    static func block() {
        var set = taken(in: sigset_t())
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
        // A file that may not grow is an error like a full disk (`ulimit -f`), not the end of the service.
        signal(SIGXFSZ, SIG_IGN)
    }

    /// Calls `handle` for each signal, on a thread that runs as long as the process.
    static func wait(_ handle: @escaping @Sendable (Int32) -> Void) throws(StartError) {
        try Thread.start(name: "signals") {
            var set = taken(in: sigset_t())
            while true {
                var number: Int32 = 0
                if unsafe sigwait(&set, &number) == 0 { handle(number) }
            }
        }
    }

    private static func taken(in empty: sigset_t) -> sigset_t {
        var set = empty
        unsafe sigemptyset(&set)
        for number in taken { unsafe sigaddset(&set, number) }
        return set
    }
}
