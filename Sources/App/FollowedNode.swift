package import JOSE
package import Platform
package import Revocation

/// What follows another server, as a service uses it. The code that sends the requests is not part of this target.
package struct FollowedNode: Sendable {
    package var feed: FollowedFeed
    /// The copy on disk.
    package var ledgerSource: any LedgerSource
    /// The key set in the copy, after the ledger was opened; nil if there is none.
    package var storedKeySet: @Sendable () -> [UInt8]?
    /// Returns why the thread could not be started.
    package var start: @Sendable (_ sink: Sink) -> ThreadError?
    package var stop: @Sendable () -> Void
    /// Returns the last snapshot of the source for further followers; nil if it has the given first line.
    package var snapshot: @Sendable (_ unless: [UInt8]?) -> Result<Snapshot?, FileError>

    /// A snapshot as the source signed it.
    package struct Snapshot: Sendable {
        package var line: [UInt8]
        package var live: LiveRevocations

        package init(line: [UInt8], live: LiveRevocations) {
            self.line = line
            self.live = live
        }
    }

    /// What the service does with what comes.
    package struct Sink: Sendable {
        package var apply: @Sendable ([FeedRecord], LedgerPosition) -> Void
        package var add: @Sendable ([FeedRecord]) -> Void
        package var restart: @Sendable (LedgerPosition) -> Void
        /// Returns why a key set cannot be used.
        package var takeKeys: @Sendable ([UInt8]) -> KeyError?
    }

    package init(
        feed: FollowedFeed, ledgerSource: any LedgerSource, storedKeySet: @escaping @Sendable () -> [UInt8]?,
        start: @escaping @Sendable (_ sink: Sink) -> ThreadError?, stop: @escaping @Sendable () -> Void,
        snapshot: @escaping @Sendable (_ unless: [UInt8]?) -> Result<Snapshot?, FileError>
    ) {
        self.snapshot = snapshot
        self.feed = feed
        self.ledgerSource = ledgerSource
        self.storedKeySet = storedKeySet
        self.start = start
        self.stop = stop
    }
}
