import Synchronization

/// The content of a response that its handler sends in pieces, from any thread.
///
/// A handler makes one with ``Exchange/stream(_:)`` and returns it as ``Disposition/streaming(_:)``. The stream keeps
/// at most ``byteCountMax`` bytes and one more piece, which the event loop takes as fast as the client reads them.
package final class ResponseStream: Sendable {
    /// What the producer of the content learns, on the thread of the event loop and without any lock of the stream.
    package enum Event: Sendable, Equatable {
        /// After ``SendResult/full`` or ``SendResult/refused``: the stream accepts pieces again.
        case writable
        /// The server stops. It cuts the stream when the time for requests in progress is over, so the producer should
        /// call ``end()`` now.
        case stopping
        /// The last event, exactly once: the connection has taken all content, or the client has left before that, has
        /// read too slowly, or the server has stopped.
        case closed(isComplete: Bool)
    }

    package enum SendResult: Sendable, Equatable {
        /// The piece is queued, and another one may follow.
        case queued
        /// The piece is queued, and the next one must wait for ``Event/writable``.
        case full
        /// The piece is not queued, because the stream is full.
        case refused
        /// The piece is not queued, because the content has ended or the stream is closed.
        case closed
    }

    /// The number of queued bytes from which on the stream accepts no more pieces.
    package static let byteCountMax = 65_536

    private struct State {
        var pieces: [UInt8] = []
        /// How many bytes of ``pieces`` were taken.
        var start = 0
        /// Whether the producer has sent everything.
        var isEnded = false
        /// Whether everything was taken, including the end.
        var isExhausted = false
        /// Whether the loop will serve this stream without another call of ``ExchangeLoop/serve(_:)``.
        var isScheduled = false
        /// Whether the producer waits for ``Event/writable``.
        var awaitsRoom = false
        var knowsOfStop = false
        var isAborted = false
        /// Nil once the stream is closed.
        var notify: (@Sendable (Event) -> Void)?

        var count: Int { pieces.count &- start }

        mutating func drop(_ byteCount: Int) {
            start &+= byteCount
            if start == pieces.count {
                // A stream that waits for its next piece keeps no memory.
                pieces = []
                start = 0
            } else if start >= pieces.count / 2 {
                pieces.removeSubrange(0..<start)
                start = 0
            }
        }
    }

    /// Identifies the request to its loop.
    package let ticket: UInt64
    private let loop: any ExchangeLoop
    private let retainedByteCount: Int
    private let state: Mutex<State>

    init(
        loop: any ExchangeLoop, ticket: UInt64, retainedByteCount: Int, notify: @escaping @Sendable (Event) -> Void
    ) {
        self.loop = loop
        self.ticket = ticket
        self.retainedByteCount = retainedByteCount
        state = Mutex(State(notify: notify))
    }
}

// For the producer.
extension ResponseStream {
    /// Queues a piece of any length. An empty piece changes nothing.
    package func send(_ piece: [UInt8]) -> SendResult {
        let (result, wakes) = state.withLock { state -> (SendResult, Bool) in
            guard state.notify != nil, !state.isEnded else { return (.closed, false) }
            guard state.count < Self.byteCountMax else {
                state.awaitsRoom = true
                return (.refused, false)
            }
            guard !piece.isEmpty else { return (.queued, false) }
            state.pieces.append(contentsOf: piece)
            state.awaitsRoom = state.count >= Self.byteCountMax
            let wakes = !state.isScheduled
            state.isScheduled = true
            return (state.awaitsRoom ? .full : .queued, wakes)
        }
        if wakes { loop.serve(self) }
        return result
    }

    /// Ends the content after the queued pieces. Calling it again has no effect.
    package func end() {
        let wakes = state.withLock { state in
            guard state.notify != nil, !state.isEnded else { return false }
            state.isEnded = true
            let wakes = !state.isScheduled
            state.isScheduled = true
            return wakes
        }
        if wakes { loop.serve(self) }
    }
}

// For a producer whose client does not read.
extension ResponseStream {
    /// Drops the queued pieces and breaks the response off, so that the client notices that it is incomplete.
    package func abort() {
        let wakes = state.withLock { state in
            guard state.notify != nil, !state.isAborted else { return false }
            state.isAborted = true
            state.isEnded = true
            state.pieces = []
            state.start = 0
            let wakes = !state.isScheduled
            state.isScheduled = true
            return wakes
        }
        if wakes { loop.serve(self) }
    }

    /// The number of bytes that were sent and that the loop has not taken.
    package var queuedByteCount: Int { state.withLock { $0.count } }
}

// For the event loop.
extension ResponseStream {
    /// Whether the response must be broken off.
    package var isAborted: Bool { state.withLock { $0.isAborted } }

    /// The number of bytes of memory that the stream and its producer use.
    package var byteCount: Int { state.withLock { $0.count } &+ retainedByteCount }

    /// Whether the loop can take bytes or the end.
    package var hasMore: Bool { state.withLock { $0.count > 0 || $0.isEnded && !$0.isExhausted } }

    /// Passes at most `byteCountMax` queued bytes to `use`, which is not called if there are none.
    ///
    /// - Returns: whether the content ends here.
    package func take(atMost byteCountMax: Int, _ use: (Span<UInt8>) -> Void) -> Bool {
        let (isLast, notify) = state.withLock { state -> (Bool, (@Sendable (Event) -> Void)?) in
            state.isScheduled = false
            let count = min(byteCountMax, state.count)
            if count > 0 {
                use(state.pieces.span.extracting(state.start..<(state.start &+ count)))
                state.drop(count)
            }
            state.isExhausted = state.isEnded && state.count == 0 && !state.isAborted
            let isWritable = state.awaitsRoom && state.count < Self.byteCountMax && !state.isEnded
            if isWritable { state.awaitsRoom = false }
            return (state.isExhausted, isWritable ? state.notify : nil)
        }
        notify?(.writable)
        return isLast
    }

    /// Lets the loop continue with this stream after its other connections.
    package func postpone() {
        state.withLock { $0.isScheduled = true }
        loop.serve(self)
    }

    /// Tells the producer once that the server stops.
    package func announceStop() {
        let notify = state.withLock { state -> (@Sendable (Event) -> Void)? in
            guard !state.knowsOfStop else { return nil }
            state.knowsOfStop = true
            return state.notify
        }
        notify?(.stopping)
    }

    /// Closes the stream and tells the producer once.
    ///
    /// - Parameter needsNoContent: whether the response has no content whatever the producer sends.
    package func close(needsNoContent: Bool = false) {
        let (notify, isComplete) = state.withLock { state in
            defer {
                state.notify = nil
                state.pieces = []
                state.start = 0
            }
            return (state.notify, state.isExhausted)
        }
        notify?(.closed(isComplete: isComplete || needsNoContent))
    }
}

extension ResponseStream: Equatable {
    package static func == (one: ResponseStream, other: ResponseStream) -> Bool { one === other }
}
