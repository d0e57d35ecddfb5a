import Platform

/// Who may read the feed.
package enum FeedAccess: String, CaseIterable, Sendable {
    /// Clients with the scope ``scope``.
    case clients
    /// Anyone.
    case `public`

    package static let scope = "revocations:read"
}

/// What a reader of the feed was admitted by. A stream ends when this no longer applies.
struct FeedPermit: Sendable {
    /// Nil if anyone may read.
    var clientID: String?
    /// When the token of the reader expires.
    var expires: UnixSeconds?
}
