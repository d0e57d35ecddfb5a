import HTTP
import Revocation

/// The readers of the feed on one event loop.
struct FeedReaders {
    /// A request that waits for records.
    struct Waiting {
        let wait: ResponseWait
        let form: FeedForm
        let call: Call
        /// When it needs an answer, in nanoseconds of the monotonic clock.
        let end: Int64
        /// When it began to wait, by the same clock.
        let began: Int64
        let position: LedgerPosition
    }

    /// A stream of server-sent events.
    struct Streaming {
        let stream: ResponseStream
        let permit: FeedPermit
        /// When it ends at the latest, in nanoseconds of the monotonic clock.
        let end: Int64
        /// Up to where its events were queued.
        var position: LedgerPosition
        /// Whether it does not read, so that it gets records again only when it has read.
        var isBehind = false
        /// How many bytes of new records it did not get since it read last.
        var owedByteCount = 0
    }

    var waiting: [UInt64: Waiting] = [:]
    var streaming: [UInt64: Streaming] = [:]
    var downloads: [UInt64: SnapshotDownload] = [:]
    /// What the publisher knows of this event loop; nil before the first reader.
    private(set) var lane: FeedLane?
    private var lastID: UInt64 = 0
    /// The last answer to a reader that came with an old position: after a restart, many come with the same one.
    var last: (after: LedgerPosition, answer: FeedAnswer, form: FeedForm, content: [UInt8])?

    mutating func newID() -> UInt64 {
        lastID &+= 1
        return lastID
    }

    mutating func lane(_ publisher: FeedPublisher, _ exchange: borrowing Exchange) -> FeedLane {
        if let lane { return lane }
        let made = FeedLane(copy exchange)
        lane = made
        publisher.add(made)
        return made
    }

    /// When the first waiting request needs an answer.
    var firstEnd: Int64 { waiting.values.reduce(.max) { min($0, $1.end) } }
}

/// How long a request waited until the moment that its answer is about, and how old the knowledge of this server was then;
/// both in milliseconds. The duration is measured here, so a reader may count the age of the answer from that moment.
struct FeedHold: Sendable {
    let milliseconds: Int64
    let age: Int64
}
