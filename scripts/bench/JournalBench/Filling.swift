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
func fill(_ directory: String, _ count: UInt64, _ kind: Filling) throws {
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
        records.append(record(number, kind, now: now, &numbers))
        guard records.count == batchRecordCount || number + 1 == count else { continue }
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

private func record(_ number: UInt64, _ kind: Filling, now: UnixMilliseconds, _ numbers: inout Numbers) -> JournalRecord
{
    let event: RevocationEvent =
        switch kind {
        case .revocations:
            .tokenRevoked(
                jti: revokedID(&numbers), expires: now.adding(milliseconds: hour + Int64(number & 0x3f_ffff)),
                isOfAnyEnd: false, reason: 0)
        case .halfDead:
            .tokenRevoked(
                jti: revokedID(&numbers),
                expires: number & 1 == 0
                    ? now.adding(milliseconds: -30 * day) : now.adding(milliseconds: hour + Int64(number & 0x3f_ffff)),
                isOfAnyEnd: false,
                reason: 0)
        case .sessions:
            .rotated(
                sid: UUID(
                    high: UUID.version7High(
                        milliseconds: now.adding(milliseconds: -Int64(numbers.next() % UInt64(day)))),
                    low: numbers.next()),
                generation: 1, request: 0, sessionEnd: now.adding(milliseconds: 90 * day))
        }
    return RevocationCodec.record(event)
}
