package import Platform

/// The position of an event in the ledger, and when it was recorded.
package struct LedgerStamp: Equatable, Sendable {
    package let position: LedgerPosition
    /// Milliseconds since 1970, never less than that of the event before.
    package let time: UnixMilliseconds

    package init(_ position: LedgerPosition, time: UnixMilliseconds) {
        self.position = position
        self.time = time
    }
}

/// An event with its place in the order.
package struct LedgerRecord: Equatable, Sendable {
    package let position: LedgerPosition
    /// When it was recorded, in milliseconds since 1970.
    package let time: UnixMilliseconds
    package let event: RevocationEvent

    package init(position: LedgerPosition, time: UnixMilliseconds, event: RevocationEvent) {
        self.position = position
        self.time = time
        self.event = event
    }
}
