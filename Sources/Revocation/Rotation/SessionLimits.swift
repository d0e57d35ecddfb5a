import Encoding
import Platform
internal import Tokens

/// The maximum lifetime of existing sessions and tokens, regardless of how the setting has changed since.
///
/// Each process records its limit when it begins to write, and until when earlier sessions can live. A lower
/// limit shortens sessions only while it is in force. If it is raised again, they live on, so their revocations are
/// kept for as long as they could live.
struct SessionLimits: Equatable, Sendable {
    /// In milliseconds, like all spans here.
    private static let hour: Int64 = 3_600_000
    /// Older sessions are given so much more, for a clock that was put right by a little between two starts.
    static let slack: Int64 = 5_000

    /// The limit that the newest process with a known one recorded.
    private var noted: Int64 = 0
    /// Until when sessions from before the newest process can live.
    private(set) var end: UnixMilliseconds = 0
    /// Whether the newest process was of a version that recorded no limit.
    private var isUnknown = false
    /// The longest lifetime of rotations and revoke-before times, for logs of such a version.
    private var inferred: Int64 = 0

    /// Applies the events of the log in order.
    ///
    /// - Parameter time: when the event was recorded.
    mutating func take(_ event: RevocationEvent, at time: UnixMilliseconds) {
        switch event {
        case .processStarted(let note):
            isUnknown = note.hours == 0
            if note.hours != 0 { noted = Int64(note.hours) * Self.hour }
            end = max(end, note.olderEnd)
        case .rotated(let sid, _, _, let sessionEnd): infer(sessionEnd, since: sid.milliseconds)
        case .revokedBefore(let cut, _, _, _, _), .exempted(_, let cut, _, _): infer(cut.expires, since: time)
        case .sessionListed(let entry): infer(entry.end, since: entry.sid.milliseconds)
        case .tokenRevoked, .sessionRevoked, .sessionOpened, .sessionDisplaced, .epochBegan: break
        }
    }

    private mutating func infer(_ expires: UnixMilliseconds, since begin: UnixMilliseconds) {
        let length = expires.milliseconds(since: begin)
        guard length > inferred, length < .max, expires != .distantFuture else { return }
        inferred = min(length, TokenLimits.standard.sessionMax)
    }

    /// The maximum lifetime of a session that an earlier process began.
    private var before: Int64 { isUnknown ? max(noted, inferred) : noted }

    /// Returns what a process records when it begins to write.
    ///
    /// - Parameters:
    ///   - sessionMax: the limit of the process; nil for one that begins no sessions.
    ///   - now: the time of the log.
    func note(sessionMax: Int64?, now: UnixMilliseconds) -> LifetimeNote {
        let limit = sessionMax ?? before
        let isLower = limit < before
        let end = isLower ? max(end, now.adding(milliseconds: before).adding(milliseconds: Self.slack)) : end
        // Rounded up; 0 would say that nothing is known.
        let hours = (min(max(limit, 1), TokenLimits.standard.sessionMax) + Self.hour - 1) / Self.hour
        return LifetimeNote(
            hours: sessionMax == nil && before == 0 ? 0 : UInt16(clamping: hours), olderEnd: end > now ? end : 0)
    }
}
