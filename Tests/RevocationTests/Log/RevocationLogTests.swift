import Dispatch
import Encoding
import Journal
import Platform
@testable import Revocation
import Testing

/// The logs that must behave alike.
enum LogKind: CaseIterable {
    case journal, memory
}

/// A log that is opened again and again, with the index that each opening fills.
private final class LogFixture {
    let harness = Harness()
    let source: any RevocationLogSource
    private(set) var index: RevocationIndex
    private(set) var replay: RevocationReplay
    private(set) var log: any RevocationLog

    init(_ kind: LogKind) throws {
        let harness = harness
        let clock = WallClock { harness.now }
        source =
            switch kind {
            case .journal:
                JournalLogSource(directory: harness.path, clock: clock, random: { harness.random() })
            case .memory: MemoryLogSource(clock: clock)
            }
        (replay, log) = try Self.open(source, harness, sessionMax: 90 * day)
        index = replay.index
    }

    private static func open(
        _ source: any RevocationLogSource, _ harness: Harness, sessionMax: Int64
    ) throws -> (RevocationReplay, any RevocationLog) {
        let replay = RevocationReplay(
            RevocationOptions(
                log: source, grace: 0, sessionMax: sessionMax, clock: WallClock { harness.now },
                monotonicNow: { harness.monotonic.load(ordering: .relaxed) }, random: { harness.random() }))
        return (replay, try source.open(replay))
    }

    func reopen(sessionMax: Int64 = 90 * day) throws {
        log.close()
        (replay, log) = try Self.open(source, harness, sessionMax: sessionMax)
        index = replay.index
    }

    func append(_ events: RevocationEvent...) throws -> LogPosition {
        let answers = Collector<Result<LogPosition, RevocationError>>()
        log.append(events) { answers.take($0) }
        return try answers.wait()[0].get()
    }

    func commit(_ sid: Encoding.UUID, expecting generation: UInt32, request: UInt32 = 1) -> RotationCommit {
        let answers = Collector<RotationCommit>()
        commit(sid, expecting: generation, request: request) { answers.take($0) }
        return answers.wait()[0]
    }

    /// As the store does: applies a committed rotation to the index before the completion returns.
    func commit(
        _ sid: Encoding.UUID, expecting generation: UInt32, request: UInt32 = 1,
        _ done: @escaping @Sendable (RotationCommit) -> Void
    ) {
        let end = harness.now.adding(milliseconds: day)
        let rotations = index.rotations
        let presented = RotationRequest(sid: sid, generation: generation, request: request, sessionEnd: end)
        log.commitRotation(presented, expecting: generation) { result in
            if case .committed(let position) = result {
                let rotation = Rotation(generation: generation + 1, request: request, at: position.time)
                rotations.restore(rotation, of: sid, sessionEnd: end)
            }
            done(result)
        }
    }

    func id(_ number: UInt64) -> Encoding.UUID {
        UUID(high: UUID.version7High(milliseconds: harness.now), low: number)
    }
}

@Suite("What every revocation log promises")
struct RevocationLogTests {
    @Test(arguments: LogKind.allCases)
    func `events come back when the log is opened again`(_ kind: LogKind) throws {
        let fixture = try LogFixture(kind)
        let (token, session, exempt) = (fixture.id(1), fixture.id(2), fixture.id(3))
        let end = fixture.harness.now.adding(milliseconds: day)
        let key = RevokeBeforeTable.key(.subject, "alice".utf8.span)
        let cut = RevokeBefore(value: fixture.id(0).high + 1 << 20, expires: end)
        _ = try fixture.append(.tokenRevoked(jti: token, expires: end, isOfAnyEnd: false, reason: 0))
        _ = try fixture.append(.sessionRevoked(sid: session, expires: end, reason: 0))
        _ = try fixture.append(
            .exempted(sid: exempt, cut, .subject, reason: 0),
            .revokedBefore(cut, .subject, key: key, exemptsOne: true, reason: 0))
        #expect(fixture.index.counts.revokedTokens == 0)
        try fixture.reopen()
        let index = fixture.index
        #expect(index.tokens.contains(token, at: end) && !index.tokens.contains(session, at: end))
        #expect(index.sessions.contains(session, at: session.milliseconds))
        for (sid, denial) in [(exempt, nil), (fixture.id(4), Denial.subject)] {
            #expect(
                index.cuts.denial(
                    born: sid.high, sid: sid, subject: "alice".utf8.span, client: Span(), kid: Span()) == denial)
        }
        #expect(fixture.replay.floor >= cut.value)
        fixture.log.close()
    }

    @Test(arguments: LogKind.allCases)
    func `positions ascend, and what is reported is durable`(_ kind: LogKind) throws {
        let fixture = try LogFixture(kind)
        var last = LogPosition(seq: fixture.log.durable.value, time: 0)
        for number in UInt64(1)...5 {
            let position = try fixture.append(
                .sessionOpened(sid: fixture.id(number)), .sessionOpened(sid: fixture.id(number)))
            #expect(position.seq >= last.seq + 2 && position.time >= last.time)
            #expect(fixture.log.durable.value >= position.seq)
            last = position
            fixture.harness.advance(1)
        }
        try fixture.reopen()
        #expect(fixture.log.durable.value >= last.seq)
        fixture.log.close()
    }

    @Test(arguments: LogKind.allCases)
    func `a rotation is recorded only at the expected generation`(_ kind: LogKind) throws {
        let fixture = try LogFixture(kind)
        let sid = fixture.id(1)
        let conflict = fixture.commit(sid, expecting: 1)
        #expect(conflict == .conflict(current: nil, seq: fixture.log.durable.value))
        guard case .committed(let first) = fixture.commit(sid, expecting: 0, request: 7) else {
            Issue.record("the first rotation was not recorded")
            return
        }
        fixture.harness.advance(1_000)
        for _ in 0..<2 {
            let current = Rotation(generation: 1, request: 7, at: first.time)
            for generation in [UInt32(0), 2, .max] {
                let result = fixture.commit(sid, expecting: generation)
                #expect(result == .conflict(current: current, seq: fixture.log.durable.value))
            }
            try fixture.reopen()
            #expect(fixture.index.rotations.rotation(of: sid) == current)
        }
        guard case .committed = fixture.commit(sid, expecting: 1) else {
            Issue.record("the second rotation was not recorded")
            return
        }
        fixture.log.close()
    }

    @Test(arguments: LogKind.allCases)
    func `of a hundred attempts at once one is recorded`(_ kind: LogKind) throws {
        let fixture = try LogFixture(kind)
        let results = Collector<RotationCommit>()
        nonisolated(unsafe) let shared = fixture
        let sid = fixture.id(1)
        DispatchQueue.concurrentPerform(iterations: 100) { number in
            shared.commit(sid, expecting: 0, request: UInt32(number)) { results.take($0) }
        }
        let all = results.wait(for: 100)
        let winners = all.filter { if case .committed = $0 { true } else { false } }
        #expect(winners.count == 1)
        let current = fixture.index.rotations.rotation(of: sid)
        for case .conflict(let found, let seq) in all { #expect(found == current && seq > 0) }
        fixture.log.close()
    }

    @Test(arguments: LogKind.allCases)
    func `time never decreases, even when the clock is set back and the log opened again`(_ kind: LogKind) throws {
        let fixture = try LogFixture(kind)
        let before = try fixture.append(.sessionOpened(sid: fixture.id(1)))
        fixture.harness.set(fixture.harness.now.adding(milliseconds: -day))
        #expect(fixture.log.now >= before.time)
        try fixture.reopen()
        #expect(try fixture.append(.sessionOpened(sid: fixture.id(2))).time >= before.time)
        fixture.log.close()
    }

    @Test(arguments: LogKind.allCases)
    func `the limit of an earlier process is in the note of the next`(_ kind: LogKind) throws {
        let fixture = try LogFixture(kind)
        let began = fixture.harness.now
        #expect(fixture.replay.note == LifetimeNote(hours: 90 * 24, olderEnd: 0))
        try fixture.reopen(sessionMax: 2 * day)
        try fixture.reopen(sessionMax: 2 * day)
        #expect(fixture.replay.note.hours == 48 && fixture.replay.note.olderEnd >= began.adding(milliseconds: 90 * day))
        fixture.log.close()
    }

    @Test(arguments: LogKind.allCases)
    func `a closed log accepts nothing`(_ kind: LogKind) throws {
        let fixture = try LogFixture(kind)
        #expect(fixture.log.isWritable && fixture.log.takesEverything)
        fixture.log.close()
        fixture.log.close()
        #expect(!fixture.log.isWritable && !fixture.log.takesEverything)
        #expect(throws: RevocationError.closed) { try fixture.append(.sessionOpened(sid: fixture.id(1))) }
        #expect(fixture.commit(fixture.id(1), expecting: 0) == .failed(.closed))
    }
}

@Suite("Two stores that write one log")
struct TwoWritersTests {
    private let harness = Harness()

    private func stores(grace: Int64) throws -> (RevocationStore, RevocationStore) {
        let harness = harness
        let clock = WallClock { harness.now }
        let source = MemoryLogSource(clock: clock)
        let options = RevocationOptions(
            log: source, grace: grace, sessionMax: 90 * day, clock: clock, monotonicNow: { 0 },
            random: { harness.random() })
        return (try .open(options), try .open(options))
    }

    @Test func `a rotation that another store was first with is replayed within the grace time`() throws {
        let (first, second) = try stores(grace: 10_000)
        let sid = first.identifiers.next()
        guard case .rotated(1, let at, let seq) = first.rotated(sid, 0) else {
            Issue.record("not rotated")
            return
        }
        harness.advance(3_000)
        guard case .replayed(1, at, let later) = second.rotated(sid, 0), later >= seq else {
            Issue.record("not the same answer")
            return
        }
        #expect(second.generation(of: sid) == 1 && second.counts.rotatedSessions == 1)
        guard case .rotated(2, _, _) = second.rotated(sid, 1) else {
            Issue.record("the session does not go on")
            return
        }
    }

    @Test func `other parameters are a mismatch and change nothing`() throws {
        let (first, second) = try stores(grace: 10_000)
        let sid = first.identifiers.next()
        _ = first.rotated(sid, 0, request: 1)
        #expect(second.rotated(sid, 0, request: 2) == .mismatched)
        #expect(second.denied(sid) == nil)
    }

    @Test func `after the grace time the token was reused, and the session is revoked`() throws {
        let (first, second) = try stores(grace: 10_000)
        let sid = first.identifiers.next()
        _ = first.rotated(sid, 0)
        harness.advance(10_001)
        guard case .reused = second.rotated(sid, 0) else {
            Issue.record("not noticed")
            return
        }
        #expect(second.denied(sid) == .session)
    }
}
