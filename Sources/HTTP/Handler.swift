/// What answers requests. Each loop has a handler of its own and calls it on its own thread only, so a handler may keep
/// contexts and scratch memory without a lock.
package protocol Handler: AnyObject {
    /// Answers into `response`, or keeps `exchange` and returns ``Disposition/deferred``.
    func handle(_ request: borrowing Request, _ response: inout Response, _ exchange: borrowing Exchange) -> Disposition

    /// Whether the content that `request` announces is wanted, judged by its head alone; if not, writes the answer, after
    /// which the connection closes (RFC 9110 §10.1.1).
    func admits(_ request: borrowing Request, _ response: inout Response) -> Bool

    /// Writes the answer to a message that could not be read; the connection closes after it.
    func refuse(_ fault: RequestError, from peer: PeerAddress, over channel: Channel, _ response: inout Response)
}

package enum Disposition: Sendable {
    /// `response` is complete.
    case answered
    /// The answer comes through ``Exchange/resume(_:)``, exactly once.
    case deferred
}

/// The way back to a request whose answer waits for something: a password hash, a durable record.
package struct Exchange: Sendable {
    private let loop: any ExchangeLoop
    private let ticket: UInt64

    package init(loop: any ExchangeLoop, ticket: UInt64) {
        self.loop = loop
        self.ticket = ticket
    }

    /// Has `write` run on the loop's thread with that loop's handler and an empty response; may be called from any thread.
    ///
    /// Call it exactly once. When the connection has gone in the meantime, `write` does not run.
    package func resume(_ write: @escaping @Sendable (any Handler, inout Response) -> Void) {
        loop.resume(ticket, write)
    }
}

/// An event loop as seen from other threads.
package protocol ExchangeLoop: AnyObject, Sendable {
    func resume(_ ticket: UInt64, _ write: @escaping @Sendable (any Handler, inout Response) -> Void)
}
