package import HTTPClient
package import JOSE
import OpenSSL
package import Platform
package import Revocation
import Synchronization
package import Telemetry

/// Follows the feed of one of several servers: one thread asks, applies what comes, and keeps a copy on disk.
///
/// It asks the addresses of its settings only. What a token contains never causes a request to another address.
package final class Follower: Sendable {
    package struct Options: Sendable {
        /// In the order in which they are tried. Never empty.
        package var sources: [FollowSource]
        package var credentials: BasicCredentials?
        /// The issuer of the source, which every answer must name.
        package var issuer: String
        package var directory: String
        package var clock: CopyClock

        package init(
            sources: [FollowSource], credentials: BasicCredentials?, issuer: String, directory: String,
            clock: CopyClock
        ) {
            self.sources = sources
            self.credentials = credentials
            self.issuer = issuer
            self.directory = directory
            self.clock = clock
        }
    }

    /// What a follower does with what it learns.
    package struct Sink: Sendable {
        /// Applies the next records and then the position up to which everything is known.
        package var apply: @Sendable ([FeedRecord], LedgerPosition) -> Void
        /// Applies records of a snapshot, in any order.
        package var add: @Sendable ([FeedRecord]) -> Void
        /// Continues at the position of a snapshot.
        package var restart: @Sendable (LedgerPosition) -> Void
        /// Applies a key set, or returns why its keys cannot be used.
        package var takeKeys: @Sendable ([UInt8]) -> KeyError?

        package init(
            apply: @escaping @Sendable ([FeedRecord], LedgerPosition) -> Void,
            add: @escaping @Sendable ([FeedRecord]) -> Void, restart: @escaping @Sendable (LedgerPosition) -> Void,
            takeKeys: @escaping @Sendable ([UInt8]) -> KeyError?
        ) {
            self.apply = apply
            self.add = add
            self.restart = restart
            self.takeKeys = takeKeys
        }
    }

    package let feed: FollowedFeed
    private let options: Options
    private let log: Log
    private let opened = Mutex<OpenedCopy?>(nil)
    /// Whether another follower has asked for a snapshot, so that the stored one should not become old.
    private let isRelay = Atomic<Bool>(false)
    private let isStopping = Atomic<Bool>(false)
    private let thread = Mutex<Thread?>(nil)

    package init(_ options: Options, feed: FollowedFeed, log: Log) {
        self.options = options
        self.feed = feed
        self.log = log
    }

    /// Makes what requests read.
    package static func feed(
        home: FollowSource, ageMax: Int64?, rejectsStale: Bool, clock: CopyClock
    ) -> FollowedFeed {
        FollowedFeed(
            home: home.text, rule: FollowedFeed.Rule(ageMax: ageMax, rejectsStale: rejectsStale), clock: clock.now)
    }

    /// The copy on disk as the ledger of a revocation store. It must be opened before ``start(_:)``.
    package var ledgerSource: any LedgerSource {
        FollowedLedgerSource(directory: options.directory, clock: options.clock, feed: feed) { [self] copy in
            opened.withLock { $0 = copy }
        }
    }

    /// The key set in the copy; nil if there is none. Available after the ledger was opened.
    package var storedKeySet: [UInt8]? { opened.withLock { $0?.copy.keySet } }

    /// The last snapshot of the source, for a follower of this server.
    ///
    /// - Parameter known: the first line of the one that the caller has.
    /// - Returns: nil if it is the same.
    package func storedSnapshot(unless known: [UInt8]?) throws(FileError) -> StoredSnapshot? {
        isRelay.store(true, ordering: .relaxed)
        return try StoredSnapshot("\(options.directory)/followed.snap", in: options.directory, unless: known)
    }

    /// Starts the thread.
    ///
    /// - Returns: why it could not be started.
    package func start(_ sink: Sink) -> ThreadError? {
        guard let copy = opened.withLock({ $0 }) else { preconditionFailure("the copy was not opened") }
        let run = FollowRun(options, copy, feed, sink, log) { [self] in isRelay.load(ordering: .relaxed) }
        do throws(ThreadError) {
            let started = try Thread(name: "follow") { [self] in
                while !isStopping.load(ordering: .acquiring) {
                    let pause = run.step()
                    sleep(milliseconds: pause)
                }
            }
            thread.withLock { $0 = started }
            return nil
        } catch {
            return error
        }
    }

    /// Ends the thread. A request in progress is abandoned.
    package func stop() {
        isStopping.store(true, ordering: .releasing)
        thread.withLock { thread in
            thread?.detach()
            thread = nil
        }
    }

    private func sleep(milliseconds: Int64) {
        var rest = milliseconds
        while rest > 0, !isStopping.load(ordering: .acquiring) {
            let part = min(rest, 100)
            Thread.sleep(milliseconds: Int(part))
            rest -= part
        }
    }
}
