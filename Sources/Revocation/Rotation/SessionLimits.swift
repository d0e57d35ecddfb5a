import Encoding
internal import Journal
internal import Tokens

/// The maximum lifetime of existing sessions and tokens, regardless of how the setting has changed since.
///
/// Each OPEN record contains the limit of the process that it begins, and until when earlier sessions can live. A lower
/// limit shortens sessions only while it is in force. If it is raised again, they live on, so their revocations are
/// kept for as long as they could live.
struct SessionLimits: Equatable, Sendable {
    /// In milliseconds, like all times here.
    private static let hour: Int64 = 3_600_000
    /// Older sessions are given so much more, for a clock that was put right by a little between two starts.
    static let slack: Int64 = 5_000

    /// The limit of the newest OPEN record that contains one.
    private var noted: Int64 = 0
    /// Until when sessions from before the newest OPEN record can live, in milliseconds since 1970.
    private(set) var end: Int64 = 0
    /// Whether a version that recorded no limit wrote the newest OPEN record.
    private var isUnknown = false
    /// The longest lifetime in the records of rotations and revoke-before times, for journals of such a version.
    private var inferred: Int64 = 0

    /// Applies the journal records in order.
    mutating func take(_ record: JournalRecord) {
        switch record.kind {
        case .open:
            let note = OpeningNote(record)
            isUnknown = note.number == 0
            if note.number != 0 { noted = Int64(note.number) * Self.hour }
            end = max(end, note.time)
        case .rotate: infer(record.expires, since: record.key.milliseconds)
        case .cut: infer(record.expires, since: record.time)
        case .revokeToken, .revokeSession, .seal, .session: break
        }
    }

    private mutating func infer(_ expires: Int64, since begin: Int64) {
        let (length, isOver) = expires.subtractingReportingOverflow(begin)
        guard !isOver, length > inferred, expires != .max else { return }
        inferred = min(length, TokenLimits.standard.sessionMax)
    }

    /// The maximum lifetime of a session that an earlier process began.
    private var before: Int64 { isUnknown ? max(noted, inferred) : noted }

    /// Returns the note for the OPEN record of a process.
    ///
    /// - Parameters:
    ///   - sessionMax: the limit of the process; nil for one that begins no sessions.
    ///   - now: the time of the journal, in milliseconds since 1970.
    func note(sessionMax: Int64?, now: Int64) -> OpeningNote {
        let limit = sessionMax ?? before
        let isLower = limit < before
        let end = isLower ? max(end, now.saturatingAdd(before).saturatingAdd(Self.slack)) : end
        // Rounded up; 0 would say that nothing is known.
        let hours = (min(max(limit, 1), TokenLimits.standard.sessionMax) + Self.hour - 1) / Self.hour
        return OpeningNote(
            time: end > now ? end : 0, number: sessionMax == nil && before == 0 ? 0 : UInt16(clamping: hours))
    }
}
