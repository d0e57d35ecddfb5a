import CLinux
import Glibc
import HTTP
import Platform
import Synchronization

/// Passes items from other threads to a loop. Only an item for an empty mailbox wakes the loop; a thread that works in turns
/// wakes it at the end of its turn, after all items of that turn.
final class LoopMailbox: ExchangeLoop, TurnTask {
    enum Item: Sendable {
        case resume(ticket: UInt64, write: @Sendable (any Handler, inout Response) -> Void)
        case perform(@Sendable (any Handler) -> Void)
        /// The response to a request that waited.
        case answer(ResponseWait, write: ResponseWait.Write)
        /// A stream has pieces or its end.
        case serve(ResponseStream)
        /// A connection that another loop accepted.
        case adopt(AcceptedConnection)
        case drain
        /// A liveness check.
        case beat(LoopHeartbeat)
    }

    private struct State {
        var items: [Item] = []
        var isClosed = false
        /// Whether the loop polls ``hasMail`` and needs no wake-up.
        var isWatched = false
    }

    /// The eventfd(2) to watch.
    let descriptor: Int32
    /// The number of connections of the loop, for choosing the loop of the next connection.
    let load = Atomic<Int>(0)
    private let state = Mutex(State())
    /// Whether an item was posted while the loop polls.
    private let mail = Atomic<Bool>(false)

    init() throws(ServerError) {
        descriptor = clinux_eventfd()
        guard descriptor >= 0 else { throw .last("eventfd", "the event queue") }
    }

    deinit { _ = close(descriptor) }

    func resume(_ ticket: UInt64, _ write: @escaping @Sendable (any Handler, inout Response) -> Void) {
        _ = post(.resume(ticket: ticket, write: write))
    }

    func perform(_ body: @escaping @Sendable (any Handler) -> Void) {
        _ = post(.perform(body))
    }

    func answer(_ wait: ResponseWait, _ write: @escaping ResponseWait.Write) {
        _ = post(.answer(wait, write: write))
    }

    func serve(_ stream: ResponseStream) {
        _ = post(.serve(stream))
    }

    /// Posts an item.
    ///
    /// - Returns: false if the loop has ended.
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
            if let turn = Turn.current { turn.atEnd(self) } else { wake() }
        }
        return isTaken
    }

    /// Wakes the loop for the items of a turn, unless it has collected them by now.
    func endTurn() {
        if state.withLock({ !$0.items.isEmpty && !$0.isWatched }) { wake() }
    }

    private func wake() {
        var one: UInt64 = 1
        _ = unsafe write(descriptor, &one, MemoryLayout<UInt64>.size)
    }

    /// Suppresses wake-ups of the loop until ``endWatch(into:)``.
    func beginWatch() {
        state.withLock { state in
            state.isWatched = true
            mail.store(!state.items.isEmpty, ordering: .relaxed)
        }
    }

    /// Whether an item was posted while the loop polls.
    var hasMail: Bool { mail.load(ordering: .acquiring) }

    /// Moves all items to `items` as ``collect(into:)`` does; later items wake the loop again.
    func endWatch(into items: inout [Item]) {
        state.withLock { state in
            state.isWatched = false
            swap(&state.items, &items)
        }
    }

    /// Moves all items to `items`, which must be empty. The two arrays are swapped.
    func collect(into items: inout [Item]) {
        var count: UInt64 = 0
        _ = unsafe read(descriptor, &count, MemoryLayout<UInt64>.size)
        state.withLock { swap(&$0.items, &items) }
    }

    /// Closes the mailbox and returns the remaining items.
    func shut() -> [Item] {
        state.withLock { state in
            state.isClosed = true
            defer { state.items = [] }
            return state.items
        }
    }
}
