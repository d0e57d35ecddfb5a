import App
import Glibc
import Platform

/// The signals that end or reload the service, taken by a thread of their own.
enum Signals {
    private static let taken = [SIGTERM, SIGINT, SIGHUP]

    /// Blocks the signals in this thread and in those it starts; call it before any other thread runs.
    static func block() {
        var set = taken(in: sigset_t())
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
        // A file that may not grow is an error like a full disk (`ulimit -f`), not the end of the service.
        signal(SIGXFSZ, SIG_IGN)
    }

    /// Calls `handle` for each signal that arrives, on a thread that lives as long as the process.
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
