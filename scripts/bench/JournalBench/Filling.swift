import Encoding
import Glibc
import Journal
import Platform
import Revocation
import Synchronization

/// What a journal is filled with.
enum Filling: String {
    /// Revoked tokens that all still matter, with ends over the next hour.
    case revocations
    /// Sessions that have rotated once, begun over the last day.
    case sessions
    /// Sessions that users can list, ``sessionsPerSubject`` of each subject, begun over the last day.
    case entries
    /// Revoked tokens, every second one of them expired long ago.
    case halfDead = "half-dead"
}

let hour: Int64 = 3_600_000
let day = 24 * hour
private let batchRecordCount = 4_096

func journalOptions() -> JournalOptions {
    JournalOptions(
        clock: WallClock { wallClock() },
        random: {
            var generator = SystemRandomNumberGenerator()
            return generator.next()
        })
}

/// Writes `count` records through the journal's own writer.
///
/// - Parameter subject: the subject of the first entries.
func fill(_ directory: String, _ count: UInt64, _ kind: Filling, subject: String = "") throws {
    var reader = try JournalReader(DirectoryStorage(path: directory), RevocationCodec.schema)
    try reader.replay { _ in }
    let writer = try reader.intoWriter(journalOptions())
    defer { writer.close() }
    let now = wallClock()
    let began = nanoseconds()
    let countdown = Countdown()
    var numbers = Numbers(seed: 7)
    var records: [JournalRecord] = []
    for number in 0..<count {
        records += RevocationCodec.records(event(number, kind, now: now, &numbers, subject))
        guard records.count >= batchRecordCount || number + 1 == count else { continue }
        countdown.begin()
        writer.append(contentsOf: records, mayUseReserve: true) { result in
            if case .success = result { countdown.end(true) } else { countdown.end(false) }
        }
        records.removeAll(keepingCapacity: true)
        guard countdown.wait(atMost: 2) else { throw JournalError.closed }
    }
    guard countdown.wait(atMost: 0) else { throw JournalError.closed }
    say("fill_records_per_second", Double(count) * 1e9 / Double(nanoseconds() - began))
}

/// The id of revoked token `number`; the lookups of ``measureOpening(_:)`` make the same.
func revokedID(_ numbers: inout Numbers) -> UUID { UUID(high: numbers.next(), low: numbers.next()) }

private let sessionsPerSubject: UInt64 = 20

private func event(
    _ number: UInt64, _ kind: Filling, now: UnixMilliseconds, _ numbers: inout Numbers, _ subject: String
) -> RevocationEvent {
    switch kind {
    case .revocations:
        return .tokenRevoked(
            jti: revokedID(&numbers), expires: now.adding(milliseconds: hour + Int64(number & 0x3f_ffff)),
            isOfAnyEnd: false, reason: 0)
    case .halfDead:
        return .tokenRevoked(
            jti: revokedID(&numbers),
            expires: number & 1 == 0
                ? now.adding(milliseconds: -30 * day) : now.adding(milliseconds: hour + Int64(number & 0x3f_ffff)),
            isOfAnyEnd: false,
            reason: 0)
    case .sessions:
        return .rotated(
            sid: sessionID(now, &numbers), generation: 1, request: 0, sessionEnd: now.adding(milliseconds: 90 * day))
    case .entries:
        // One less, so that the login of the measurement makes the last.
        let owner = number < sessionsPerSubject - 1 ? subject : "subject \(number / sessionsPerSubject)"
        return .sessionListed(
            SessionEntry(
                sid: sessionID(now, &numbers), subject: owner.utf8.span, clientID: "first-party",
                device: "Firefox on Linux", address: .ipv4(UInt32(truncatingIfNeeded: numbers.next())),
                end: now.adding(milliseconds: 90 * day).seconds, idleSeconds: 14 * 86_400))
    }
}

/// The id of a session that began in the last day.
private func sessionID(_ now: UnixMilliseconds, _ numbers: inout Numbers) -> UUID {
    UUID(
        high: UUID.version7High(milliseconds: now.adding(milliseconds: -Int64(numbers.next() % UInt64(day)))),
        low: numbers.next() >> 2 | 1 << 63)
}
