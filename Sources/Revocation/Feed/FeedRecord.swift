internal import Encoding
package import Platform

/// A revocation as the feed publishes it, with its position in the order of the log.
///
/// Only events that remove access are in the feed. Rotations, openings and the entries of session lists are not: a
/// verifier needs none of them, and some contain what identifies a person.
package struct FeedRecord: Equatable, Sendable {
    package let position: LedgerPosition
    /// When the log recorded it.
    package let time: UnixMilliseconds
    /// One of `tokenRevoked`, `sessionRevoked`, `revokedBefore` and `exempted`.
    package let event: RevocationEvent

    /// Returns nil for an event that is not in the feed.
    package init?(_ position: LedgerPosition, at time: UnixMilliseconds, _ event: RevocationEvent) {
        switch event {
        case .tokenRevoked, .sessionRevoked, .revokedBefore, .exempted: self.event = event
        case .sessionDisplaced(let sid, let expires):
            // A reader of the feed gets the event in any case, so it depends on no other.
            self.event = .sessionRevoked(sid: sid, expires: expires, reason: RevocationReason.sessionLimit.rawValue)
        case .rotated, .sessionOpened, .sessionListed, .epochBegan, .processStarted: return nil
        }
        self.position = position
        self.time = time
    }

    /// When the record may be forgotten.
    package var expires: UnixMilliseconds {
        switch event {
        case .tokenRevoked(_, let expires, _, _), .sessionRevoked(_, let expires, _): expires
        case .revokedBefore(let cut, _, _, _, _), .exempted(_, let cut, _, _): cut.expires
        case .sessionDisplaced, .rotated, .sessionOpened, .sessionListed, .epochBegan, .processStarted: .epoch
        }
    }

    /// The sequence number of the revoke-before time that the record sets or that its session survives: a token that
    /// carries the sequence number of its login compares with this one. Nil for other records.
    package var beforeSeq: UInt64? {
        switch event {
        case .revokedBefore: position.seq
        // An exemption directly precedes its revoke-before time.
        case .exempted: position.seq &+ 1
        case .tokenRevoked, .sessionRevoked, .sessionDisplaced, .rotated, .sessionOpened, .sessionListed,
            .epochBegan, .processStarted:
            nil
        }
    }
}
