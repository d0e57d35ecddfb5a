import Glibc
import Synchronization

/// What a signal does: before the service runs it ends the start, or is kept for later.
///
/// A start may take minutes, while it replays a large journal or waits for the lock of a predecessor. What it has
/// written by then stays intact, as it does after SIGKILL.
final class SignalDuty: Sendable {
    private enum Phase {
        case starting(wantsReload: Bool)
        case running(@Sendable (Int32) -> Void)
    }

    private let phase = Mutex(Phase.starting(wantsReload: false))
    private let abandon: @Sendable (Int32) -> Void

    /// - Parameter abandon: ends the process for a signal that comes during the start.
    init(abandon: @escaping @Sendable (Int32) -> Void) {
        self.abandon = abandon
    }

    func take(_ signal: Int32) {
        let handle: @Sendable (Int32) -> Void = phase.withLock { phase in
            switch phase {
            case .running(let handle): return handle
            case .starting where signal == SIGHUP:
                phase = .starting(wantsReload: true)
                return { _ in }
            case .starting: return abandon
            }
        }
        handle(signal)
    }

    /// From now on `handle` gets every signal, and at once a SIGHUP that arrived earlier.
    func begin(_ handle: @escaping @Sendable (Int32) -> Void) {
        let wantsReload = phase.withLock { phase in
            defer { phase = .running(handle) }
            guard case .starting(let wantsReload) = phase else { return false }
            return wantsReload
        }
        if wantsReload { handle(SIGHUP) }
    }
}
