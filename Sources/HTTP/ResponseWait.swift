import Synchronization

/// A response that waits for an event that may take a minute, such as the answer to a long poll.
///
/// A handler makes one with ``Exchange/wait(_:)`` and returns it as ``Disposition/waiting(_:)``. In contrast to a
/// deferred response, the loop notices when the client leaves, and does not poll for the answer.
package final class ResponseWait: Sendable {
    /// What the handler learns, on the thread of the event loop and without any lock of the wait.
    package enum Event: Sendable, Equatable {
        /// The server stops. It waits only a short time for requests in progress, so the answer should come now.
        case stopping
        /// The client has left, or the server has stopped: no answer can be sent any more. At most once, and not after
        /// the answer.
        case closed
    }

    /// Writes the whole response, or its head and returns the content that follows.
    package typealias Write = @Sendable (any Handler, inout Response) -> ResponseStream?

    private struct State {
        var knowsOfStop = false
        /// Nil once the wait is over.
        var notify: (@Sendable (Event) -> Void)?
    }

    /// Identifies the request to its loop.
    package let ticket: UInt64
    private let loop: any ExchangeLoop
    private let state: Mutex<State>

    init(loop: any ExchangeLoop, ticket: UInt64, notify: @escaping @Sendable (Event) -> Void) {
        self.loop = loop
        self.ticket = ticket
        state = Mutex(State(notify: notify))
    }

    /// Runs `write` on the loop's thread with that loop's handler and an empty response; may be called from any thread.
    ///
    /// If the client leaves before, `write` does not run.
    ///
    /// - Returns: false if the wait was over already.
    @discardableResult
    package func answer(_ write: @escaping Write) -> Bool {
        let isOpen = state.withLock { state in
            defer { state.notify = nil }
            return state.notify != nil
        }
        if isOpen { loop.answer(self, write) }
        return isOpen
    }
}

// For the event loop.
extension ResponseWait {
    /// Tells the handler once that the server stops.
    package func announceStop() {
        let notify = state.withLock { state -> (@Sendable (Event) -> Void)? in
            guard !state.knowsOfStop else { return nil }
            state.knowsOfStop = true
            return state.notify
        }
        notify?(.stopping)
    }

    /// Tells the handler that the client has left, unless it has answered.
    package func close() {
        let notify = state.withLock { state in
            defer { state.notify = nil }
            return state.notify
        }
        notify?(.closed)
    }
}

extension ResponseWait: Equatable {
    package static func == (one: ResponseWait, other: ResponseWait) -> Bool { one === other }
}
