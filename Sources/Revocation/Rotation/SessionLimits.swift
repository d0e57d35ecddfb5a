import Encoding
internal import Journal
internal import Tokens

/// How long a session or token can last that is there already, whatever the setting has become since.
///
/// Each OPEN record notes the limit of the process that it begins, and until when sessions from before it may live. A
/// lower limit ends them earlier only while it is in force: raised again, it lets them live on, so what was revoked of
/// them is remembered for as long as they could.
struct SessionLimits: Equatable, Sendable {
    /// What a setting may be at most, 400 days, in milliseconds as all times here.
    static let longest: Int64 = 34_560_000_000
    /// A minted token may outlast every session (`martlet mint --force`).
    static let tokenMax = AccessGrant.lifetimeMax * 1_000
    private static let hour: Int64 = 3_600_000
    /// Older sessions are given so much more, for a clock that was put right by a little between two starts.
    static let slack: Int64 = 5_000

    /// Of the newest OPEN record that has one.
    private var noted: Int64 = 0
    /// Until when sessions from before the newest OPEN record may live.
    private(set) var end: Int64 = 0
    /// Whether the newest OPEN record is of a version that noted nothing.
    private var isUnknown = false
    /// The longest that the records of rotations and cuts speak of, for journals of such a version.
    private var inferred: Int64 = 0

    /// Takes the journal's records in their order.
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
        inferred = min(length, Self.longest)
    }

    /// The longest that a session may last that an earlier process began.
    private var before: Int64 { isUnknown ? max(noted, inferred) : noted }

    /// What a process writes into its OPEN record.
    ///
    /// - Parameters:
    ///   - sessionMax: its own limit; nil for one that begins no sessions.
    ///   - now: of the journal, milliseconds since 1970.
    func note(sessionMax: Int64?, now: Int64) -> OpeningNote {
        let limit = sessionMax ?? before
        let isLower = limit < before
        let end = isLower ? max(end, now.saturatingAdd(before).saturatingAdd(Self.slack)) : end
        // Rounded up; 0 would say that nothing is known.
        let hours = (min(max(limit, 1), Self.longest) + Self.hour - 1) / Self.hour
        return OpeningNote(
            time: end > now ? end : 0, number: sessionMax == nil && before == 0 ? 0 : UInt16(clamping: hours))
    }
}
