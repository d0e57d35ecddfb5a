/// Decides when the key set of the source is read again: every minute, and soon after a token named an unknown key.
struct KeySetSchedule: Equatable, Sendable {
    static let period: Int64 = 60_000
    static let periodAfterMiss: Int64 = 5_000

    private var askedAt: Int64?
    private var seenMisses: UInt64 = 0
    /// The tag of the set in use.
    var etag: String?

    /// - Parameters:
    ///   - now: milliseconds of a clock that cannot be set.
    ///   - missed: how often a key was unknown so far.
    func isDue(at now: Int64, missed: UInt64) -> Bool {
        guard let askedAt else { return true }
        let elapsed = now &- askedAt
        return elapsed >= Self.period || missed != seenMisses && elapsed >= Self.periodAfterMiss
    }

    mutating func asked(at now: Int64, missed: UInt64) {
        askedAt = now
        seenMisses = missed
    }

    /// Another source may have the same set with another tag.
    mutating func sourceChanged() { etag = nil }

    /// Whether a text can be sent back as an entity tag without starting another field (RFC 9110 §8.8.3).
    static func isTag(_ text: String) -> Bool {
        (2...256).contains(text.utf8.count) && text.utf8.allSatisfy { 0x21...0x7E ~= $0 }
    }
}
