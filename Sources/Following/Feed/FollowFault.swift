import HTTPClient
import JOSE
import Revocation

/// Why a follower did not get what it asked for. Descriptions name the source and the remedy, and no credentials.
enum FollowFault: Error, Equatable, Sendable {
    case fetch(FetchError)
    /// The source rejected the credentials, or the client may not read the feed.
    case notAllowed(status: UInt16)
    /// The source has no feed or no snapshot.
    case notOffered(status: UInt16)
    case status(UInt16)
    /// Position older than what the source keeps.
    case gone
    /// The source is at a lower position of the same epoch.
    case ahead(head: LedgerPosition?)
    /// The source does not know the epoch.
    case unknownEpoch
    case issuer(found: String?, expected: String)
    /// The answer is not one of a feed.
    case answer(String)
    case records(FeedFault)
    case snapshot(String)
    /// A snapshot fits neither on the disk nor in memory.
    case noRoom
    case signature(TokenRejection)
    case keys(KeyError)

    /// Whether the feed sent something that must not be skipped.
    var isDamage: Bool {
        switch self {
        case .issuer, .answer, .records, .snapshot, .signature, .keys: true
        case .fetch(.answer(let fault)): fault != .cutShort
        case .fetch, .notAllowed, .notOffered, .status, .gone, .ahead, .unknownEpoch, .noRoom: false
        }
    }
}

extension FollowFault: CustomStringConvertible {
    var description: String {
        switch self {
        case .fetch(let fault): "\(fault)"
        case .notAllowed(let status):
            "the source answers \(status): the client of MARTLET_FOLLOW_CREDENTIALS must exist there with this secret "
                + "and the scope revocations:read"
        case .notOffered(let status):
            "the source answers \(status): it has no feed. Switch the feed on there, and check the path in MARTLET_FOLLOW"
        case .status(let status): "the source answers \(status)"
        case .gone: "the source no longer has the records after our position"
        case .ahead(let head):
            "the source is at \(head.map(\.text) ?? "a lower position"), which is before our position: it may have been "
                + "restored from an older copy"
        case .unknownEpoch: "the source does not know our epoch"
        case .issuer(let found, let expected):
            "the feed is of the issuer \(found.map { "«\(Self.short($0))»" } ?? "that it does not name"), and "
                + "MARTLET_ISSUER is «\(expected)»"
        case .answer(let what): "the answer is not one of a feed: \(what)"
        case .records(let fault): "the feed is damaged: \(Self.text(fault))"
        case .noRoom:
            "the snapshot fits neither on the disk nor in memory. Free space in the directory of MARTLET_STATE"
        case .snapshot(let what): "the snapshot is invalid: \(what)"
        case .signature(let rejection): "the signature of the snapshot is invalid: \(rejection)"
        case .keys(let fault): "the key set of the source is unusable: \(fault)"
        }
    }

    private static func text(_ fault: FeedFault) -> String {
        switch fault {
        case .cutOff(let count): "its content ends within the record after \(count) others"
        case .damaged(let index): "record \(index) of the answer has a wrong checksum"
        case .unknown(let kind, let index):
            "record \(index) of the answer is of the kind \(kind), which this version does not know. Update this server"
        case .outOfOrder(let seq, let index):
            "record \(index) of the answer has the sequence number \(seq), out of order"
        }
    }

    private static func short(_ text: String) -> String {
        String(text.unicodeScalars.prefix(120).map { 0x20..<0x7F ~= $0.value ? Character($0) : "?" })
    }
}
