internal import Journal
internal import Platform
package import Revocation

/// The ledger of a follower: it records nothing, because only the source may.
final class FollowedLedger: Ledger {
    let head: LedgerHead
    private let clock: WallClock
    private let home: String

    init(at position: LedgerPosition?, clock: WallClock, home: String) {
        head = LedgerHead(position ?? LedgerPosition(epoch: 1, seq: 0))
        self.clock = clock
        self.home = home
    }

    var now: UnixMilliseconds { clock.now }
    var isWritable: Bool { false }
    var takesEverything: Bool { false }
    /// The source may be one of several that write one ledger; then its tokens have births.
    var isShared: Bool { true }

    /// Whether a position of an earlier epoch was lost, only the source can say.
    func knows(_ position: LedgerPosition) -> Bool { position.epoch == head.epoch }

    func append(_ events: [RevocationEvent], _ done: @escaping Completion) { done(.failure(fault)) }

    func advance(_ request: Advance, _ done: @escaping @Sendable (Result<AdvanceVerdict, RevocationError>) -> Void) {
        done(.failure(fault))
    }

    func follow(from position: LedgerPosition?, into sink: any LedgerSink) { sink.away(fault) }

    func close() {}

    private var fault: RevocationError { .unwritable(reason: "this server follows \(home), which alone can record") }
}

/// Opens the copy of a follower as a ledger.
package final class FollowedLedgerSource: LedgerSource {
    private let directory: String
    private let clock: CopyClock
    private let feed: FollowedFeed
    private let opened: @Sendable (OpenedCopy) -> Void

    /// - Parameter opened: receives the copy, which the follower continues.
    init(
        directory: String, clock: CopyClock, feed: FollowedFeed, opened: @escaping @Sendable (OpenedCopy) -> Void
    ) {
        self.directory = directory
        self.clock = clock
        self.feed = feed
        self.opened = opened
    }

    package func open(_ replay: RevocationReplay) throws(RevocationError) -> any Ledger {
        do throws(FileError) {
            let copy = try FollowedCopy(directory: directory, clock: clock)
            let loaded = try copy.load { records in
                for record in records { replay.apply(record.event, at: record.stamp) }
            }
            _ = replay.finish(lastTime: loaded.lastTime)
            if let position = loaded.position { feed.advance(to: position, asOf: loaded.asOf) }
            opened(OpenedCopy(copy: copy, loaded: loaded))
            return FollowedLedger(at: loaded.position, clock: clock.wall, home: feed.home)
        } catch {
            throw Self.translated(error)
        }
    }

    private static func translated(_ error: FileError) -> RevocationError {
        switch error {
        case .system(let call, let path, let code): .io(function: call, errno: code, path: path)
        case .locked(let path), .changed(let path): .locked(path: path)
        case .tooLarge(let path, _): .unwritable(reason: path)
        }
    }
}

/// A copy that was read, for the thread that follows.
struct OpenedCopy: Sendable {
    let copy: FollowedCopy
    let loaded: FollowedCopy.Loaded
}
