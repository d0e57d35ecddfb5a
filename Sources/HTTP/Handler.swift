/// Handles requests. Each loop has its own handler and calls it only on its own thread, so a handler may keep contexts
/// and scratch memory without a lock.
package protocol Handler: AnyObject {
    /// Writes the response into `response`, or keeps `exchange` and returns ``Disposition/deferred``, or returns
    /// ``Disposition/waiting(_:)``, or writes only the head and returns ``Disposition/streaming(_:)``.
    func handle(_ request: borrowing Request, _ response: inout Response, _ exchange: borrowing Exchange) -> Disposition

    /// Returns whether the content that `request` announces is accepted, judged by its head alone; if not, writes the
    /// response, after which the connection closes (RFC 9110 §10.1.1).
    func admits(_ request: borrowing Request, _ response: inout Response) -> Bool

    /// Returns how many bytes of content `request` may have, judged by its head alone. The server asks this only about
    /// a request whose content is longer than that of most requests may be, and has a maximum of its own.
    func contentByteCountMax(_ request: borrowing Request) -> Int

    /// Writes the response to a message that could not be parsed; the connection closes after it.
    func refuse(_ fault: RequestError, from peer: PeerAddress, over channel: Channel, _ response: inout Response)
}

package enum Disposition: Sendable, Equatable {
    /// `response` is complete.
    case answered
    /// The response will come through ``Exchange/resume(_:)``, exactly once.
    case deferred
    /// The response will come through ``ResponseWait/answer(_:)``, possibly much later, unless the client leaves before.
    case waiting(ResponseWait)
    /// `response` has status and fields; its content is ignored and comes through the stream. HEAD requests and
    /// statuses without content need no special case: the server sends the head and closes the stream.
    case streaming(ResponseStream)
}

/// Completes a request whose response waits for an operation, such as a password hash or a durable record.
package struct Exchange: Sendable {
    private let loop: any ExchangeLoop
    private let ticket: UInt64

    package init(loop: any ExchangeLoop, ticket: UInt64) {
        self.loop = loop
        self.ticket = ticket
    }

    /// Runs `write` on the loop's thread with that loop's handler and an empty response; may be called from any thread.
    ///
    /// Must be called exactly once. If the connection has closed in the meantime, `write` does not run.
    package func resume(_ write: @escaping @Sendable (any Handler, inout Response) -> Void) {
        loop.resume(ticket, write)
    }

    /// Runs `body` on the loop's thread with that loop's handler, without a response; may be called from any thread.
    package func perform(_ body: @escaping @Sendable (any Handler) -> Void) {
        loop.perform(body)
    }

    /// Makes the wait for ``Disposition/waiting(_:)``.
    ///
    /// - Parameter notify: runs on the loop's thread, so it must not wait.
    package func wait(_ notify: @escaping @Sendable (ResponseWait.Event) -> Void) -> ResponseWait {
        ResponseWait(loop: loop, ticket: ticket, notify: notify)
    }

    /// Makes the stream for ``Disposition/streaming(_:)``. Pieces may be sent before the handler returns.
    ///
    /// - Parameters:
    ///   - retaining: the number of bytes that the producer keeps until the stream is closed. They count as memory of
    ///     the connection.
    ///   - notify: runs on the loop's thread, so it must not wait; it may send pieces.
    package func stream(
        retaining retainedByteCount: Int = 0, _ notify: @escaping @Sendable (ResponseStream.Event) -> Void
    ) -> ResponseStream {
        ResponseStream(loop: loop, ticket: ticket, retainedByteCount: retainedByteCount, notify: notify)
    }
}

extension Handler {
    /// No request may have more content than most.
    package func contentByteCountMax(_ request: borrowing Request) -> Int { 0 }
}

/// An event loop as seen from other threads.
package protocol ExchangeLoop: AnyObject, Sendable {
    func resume(_ ticket: UInt64, _ write: @escaping @Sendable (any Handler, inout Response) -> Void)
    func perform(_ body: @escaping @Sendable (any Handler) -> Void)

    /// Lets `write` produce the response that was waited for, on the loop's thread.
    func answer(_ wait: ResponseWait, _ write: @escaping ResponseWait.Write)

    /// Takes what the stream has, soon and on the loop's thread.
    func serve(_ stream: ResponseStream)
}

extension ExchangeLoop {
    /// As a deferred response, for a loop without streams.
    package func answer(_ wait: ResponseWait, _ write: @escaping ResponseWait.Write) {
        resume(wait.ticket) { handler, response in _ = write(handler, &response) }
    }
}
