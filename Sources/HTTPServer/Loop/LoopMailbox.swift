import CLinux
import Glibc
import HTTP
import Synchronization

/// What other threads hand to a loop. The loop is woken when the box was empty, once for all that follows.
final class LoopMailbox: ExchangeLoop, Sendable {
    enum Item: Sendable {
        case resume(ticket: UInt64, write: @Sendable (any Handler, inout Response) -> Void)
        /// A connection that another loop accepted.
        case adopt(AcceptedConnection)
        case drain
        /// Asks whether the loop still turns.
        case beat(LoopHeartbeat)
    }

    private struct State {
        var items: [Item] = []
        var isClosed = false
        /// Whether the loop looks at ``hasMail`` and needs no wake-up.
        var isWatched = false
    }

    /// The eventfd(2) to watch.
    let descriptor: Int32
    /// How many connections the loop has, for whoever hands out the next one.
    let load = Atomic<Int>(0)
    private let state = Mutex(State())
    /// Whether something came while the loop watches.
    private let mail = Atomic<Bool>(false)

    init() throws(ServerError) {
        descriptor = clinux_eventfd()
        guard descriptor >= 0 else { throw .last("eventfd", "the event queue") }
    }

    deinit { _ = close(descriptor) }

    func resume(_ ticket: UInt64, _ write: @escaping @Sendable (any Handler, inout Response) -> Void) {
        _ = post(.resume(ticket: ticket, write: write))
    }

    /// - Returns: false when the loop has ended and will not look.
    func post(_ item: Item) -> Bool {
        let (isTaken, wakes) = state.withLock { state in
            guard !state.isClosed else { return (false, false) }
            state.items.append(item)
            if state.isWatched {
                mail.store(true, ordering: .releasing)
                return (true, false)
            }
            return (true, state.items.count == 1)
        }
        if wakes {
            var one: UInt64 = 1
            _ = unsafe write(descriptor, &one, MemoryLayout<UInt64>.size)
        }
        return isTaken
    }

    /// From now on nobody wakes the loop, until ``endWatch(into:)``.
    func beginWatch() {
        state.withLock { state in
            state.isWatched = true
            mail.store(!state.items.isEmpty, ordering: .relaxed)
        }
    }

    /// While it is watched: whether something was posted.
    var hasMail: Bool { mail.load(ordering: .acquiring) }

    /// Everything posted so far, as ``collect(into:)``; what comes later wakes the loop again.
    func endWatch(into items: inout [Item]) {
        state.withLock { state in
            state.isWatched = false
            swap(&state.items, &items)
        }
    }

    /// Everything posted so far, into `items`, which must be empty: the two arrays take turns.
    func collect(into items: inout [Item]) {
        var count: UInt64 = 0
        _ = unsafe read(descriptor, &count, MemoryLayout<UInt64>.size)
        state.withLock { swap(&$0.items, &items) }
    }

    /// Takes nothing more, and hands out what is left.
    func shut() -> [Item] {
        state.withLock { state in
            state.isClosed = true
            defer { state.items = [] }
            return state.items
        }
    }
}

/// A connection that was just accepted.
struct AcceptedConnection: Sendable {
    var transport: Transport
    var peer: PeerAddress
    var role: Request.Role
    /// TLS comes before the first message.
    var isSecure: Bool
    /// A proxy's header comes before anything else.
    var usesProxyProtocol: Bool
    /// As ``Channel/peerUser``.
    var peerUser: UInt32?
}
