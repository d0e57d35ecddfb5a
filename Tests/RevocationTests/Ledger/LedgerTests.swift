import Dispatch
import Encoding
import Journal
import Platform
@testable import Revocation
import Testing

/// The ledgers that must behave alike.
enum LedgerKind: CaseIterable {
    case file, model
}

/// A ledger that is opened again and again, with the index that each opening fills.
private final class LedgerFixture {
    let harness = Harness()
    let source: any LedgerSource
    private(set) var index: RevocationIndex
    private(set) var replay: RevocationReplay
    private(set) var ledger: any Ledger

    init(_ kind: LedgerKind) throws {
        let harness = harness
        let clock = WallClock { harness.now }
        source =
            switch kind {
            case .file:
                FileLedgerSource(
                    storage: GovernedStorage(DirectoryStorage(path: harness.path), harness.disk), clock: clock,
                    random: { harness.random() })
            case .model: ModelLedgerSource(clock: clock)
            }
        (replay, ledger) = try Self.open(source, harness, sessionMax: 90 * day)
        index = replay.index
    }

    private static func open(
        _ source: any LedgerSource, _ harness: Harness, sessionMax: Int64
    ) throws -> (RevocationReplay, any Ledger) {
        let replay = RevocationReplay(
            RevocationOptions(
                ledger: source, grace: 0, sessionMax: sessionMax, clock: WallClock { harness.now },
                monotonicNow: { harness.monotonic.load(ordering: .relaxed) }, random: { harness.random() }))
        return (replay, try source.open(replay))
    }

    func reopen(sessionMax: Int64 = 90 * day) throws {
        ledger.close()
        (replay, ledger) = try Self.open(source, harness, sessionMax: sessionMax)
        index = replay.index
    }

    func append(_ events: RevocationEvent...) throws -> LedgerStamp {
        let answers = Collector<Result<LedgerStamp, RevocationError>>()
        ledger.append(events) { answers.take($0) }
        return try answers.wait()[0].get()
    }

    func advance(_ sid: Encoding.UUID, from generation: UInt32, request: UInt32 = 1) throws -> AdvanceVerdict {
        let answers = Collector<Result<AdvanceVerdict, RevocationError>>()
        advance(sid, from: generation, request: request) { answers.take($0) }
        return try answers.wait()[0].get()
    }

    /// As the store does: applies a new generation to the index before the completion returns.
    func advance(
        _ sid: Encoding.UUID, from generation: UInt32, request: UInt32 = 1,
        _ done: @escaping @Sendable (Result<AdvanceVerdict, RevocationError>) -> Void
    ) {
        let end = harness.now.adding(milliseconds: day)
        let rotations = index.rotations
        let presented = RotationRequest(sid: sid, generation: generation, request: request, sessionEnd: end)
        ledger.advance(Advance(presented, subject: Array("alice".utf8), client: Array("web".utf8))) { result in
            if case .success(.advanced(_, let time)) = result {
                let rotation = Rotation(generation: generation + 1, request: request, at: time)
                rotations.restore(rotation, of: sid, sessionEnd: end)
            }
            done(result)
        }
    }

    func id(_ number: UInt64) -> Encoding.UUID {
        UUID(high: UUID.version7High(milliseconds: harness.now), low: number)
    }
}

@Suite("What every ledger promises")
struct LedgerTests {
    @Test(arguments: LedgerKind.allCases)
    func `events come back when the ledger is opened again`(_ kind: LedgerKind) throws {
        let fixture = try LedgerFixture(kind)
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
                    born: Birth(id: sid.high), sid: sid, subject: "alice".utf8.span, client: Span(), kid: Span())
                    == denial)
        }
        #expect(fixture.replay.floor >= cut.value)
        fixture.ledger.close()
    }

    @Test(arguments: LedgerKind.allCases)
    func `positions ascend, and what is reported is durable`(_ kind: LedgerKind) throws {
        let fixture = try LedgerFixture(kind)
        var last = LedgerStamp(fixture.ledger.head.position, time: 0)
        for number in UInt64(1)...5 {
            let position = try fixture.append(
                .sessionOpened(sid: fixture.id(number)), .sessionOpened(sid: fixture.id(number)))
            #expect(position.position.seq >= last.position.seq + 2 && position.time >= last.time)
            #expect(fixture.ledger.head.position >= position.position)
            last = position
            fixture.harness.advance(1)
        }
        try fixture.reopen()
        #expect(fixture.ledger.head.position >= last.position)
        fixture.ledger.close()
    }

    @Test(arguments: LedgerKind.allCases)
    func `a rotation is recorded only at the expected generation`(_ kind: LedgerKind) throws {
        let fixture = try LedgerFixture(kind)
        let sid = fixture.id(1)
        #expect(try fixture.advance(sid, from: 1) == .stands(nil, now: fixture.ledger.now))
        guard case .advanced(_, let at) = try fixture.advance(sid, from: 0, request: 7) else {
            Issue.record("the first rotation was not recorded")
            return
        }
        fixture.harness.advance(1_000)
        for _ in 0..<2 {
            let current = Rotation(generation: 1, request: 7, at: at)
            for generation in [UInt32(0), 2, .max] {
                #expect(try fixture.advance(sid, from: generation) == .stands(current, now: fixture.ledger.now))
            }
            try fixture.reopen()
            #expect(fixture.index.rotations.rotation(of: sid) == current)
        }
        guard case .advanced = try fixture.advance(sid, from: 1) else {
            Issue.record("the second rotation was not recorded")
            return
        }
        fixture.ledger.close()
    }

    @Test(arguments: LedgerKind.allCases)
    func `of a hundred attempts at once one is recorded`(_ kind: LedgerKind) throws {
        let fixture = try LedgerFixture(kind)
        let results = Collector<Result<AdvanceVerdict, RevocationError>>()
        nonisolated(unsafe) let shared = fixture
        let sid = fixture.id(1)
        DispatchQueue.concurrentPerform(iterations: 100) { number in
            shared.advance(sid, from: 0, request: UInt32(number)) { results.take($0) }
        }
        let all = results.wait(for: 100)
        let winners = all.filter { if case .success(.advanced) = $0 { true } else { false } }
        #expect(winners.count == 1)
        let current = fixture.index.rotations.rotation(of: sid)
        for case .success(.stands(let found, _)) in all { #expect(found == current) }
        fixture.ledger.close()
    }

    @Test(arguments: LedgerKind.allCases)
    func `a session that was revoked does not advance`(_ kind: LedgerKind) throws {
        let fixture = try LedgerFixture(kind)
        let sid = fixture.id(1)
        let end = fixture.harness.now.adding(milliseconds: day)
        fixture.index.sessions.insert(sid, at: sid.milliseconds, expires: end)
        _ = try fixture.append(.sessionRevoked(sid: sid, expires: end, reason: 0))
        let head = fixture.ledger.head.position
        #expect(try fixture.advance(sid, from: 0) == .rejected(.session))
        #expect(fixture.ledger.head.position == head, "nothing was recorded")
        fixture.ledger.close()
    }

    @Test(arguments: LedgerKind.allCases, [(RevokeBeforeKind.subject, "alice"), (.client, "web"), (.all, "")])
    func `a session that a revoke-before time ends does not advance`(
        _ kind: LedgerKind, _ cut: (kind: RevokeBeforeKind, name: String)
    ) throws {
        let fixture = try LedgerFixture(kind)
        let end = fixture.harness.now.adding(milliseconds: day)
        let (old, new) = (fixture.id(1), fixture.id(1 << 40))
        let before = RevokeBefore(value: old.high + 1, expires: end)
        let key = RevokeBeforeTable.key(cut.kind, cut.name.utf8.span)
        fixture.index.cuts.insert(cut.kind, key, before, seq: 1)
        _ = try fixture.append(.revokedBefore(before, cut.kind, key: key, exemptsOne: false, reason: 0))
        let denials: [RevokeBeforeKind: Denial] = [.subject: .subject, .client: .client, .all: .all]
        #expect(try fixture.advance(old, from: 0) == denials[cut.kind].map(AdvanceVerdict.rejected))
        fixture.harness.advance(1)
        let later = Encoding.UUID(high: old.high + 1, low: new.low)
        guard case .advanced = try fixture.advance(later, from: 0) else {
            Issue.record("a later session does not go on")
            return
        }
        fixture.ledger.close()
    }

    @Test func `a rotation does not count if the session was revoked while it was written`() throws {
        let fixture = try LedgerFixture(.file)
        let sid = fixture.id(1)
        let end = fixture.harness.now.adding(milliseconds: day)
        let answers = Collector<Result<AdvanceVerdict, RevocationError>>()
        // Both are written at once, or the revocation after the rotation: it took effect before either is durable.
        fixture.harness.disk.hold()
        fixture.advance(sid, from: 0) { answers.take($0) }
        fixture.harness.disk.waiting.wait()
        fixture.index.sessions.insert(sid, at: sid.milliseconds, expires: end)
        fixture.harness.disk.release()
        #expect(try answers.wait()[0].get() == .rejected(.session))
        // As after a start: the record is there.
        #expect(fixture.index.rotations.generation(of: sid) == 1)
        fixture.ledger.close()
    }

    @Test(arguments: LedgerKind.allCases)
    func `time never decreases, even when the clock is set back and the ledger opened again`(_ kind: LedgerKind) throws
    {
        let fixture = try LedgerFixture(kind)
        let before = try fixture.append(.sessionOpened(sid: fixture.id(1)))
        fixture.harness.set(fixture.harness.now.adding(milliseconds: -day))
        #expect(fixture.ledger.now >= before.time)
        try fixture.reopen()
        #expect(try fixture.append(.sessionOpened(sid: fixture.id(2))).time >= before.time)
        fixture.ledger.close()
    }

    @Test(arguments: LedgerKind.allCases)
    func `the limit of an earlier process is in the note of the next`(_ kind: LedgerKind) throws {
        let fixture = try LedgerFixture(kind)
        let began = fixture.harness.now
        #expect(fixture.replay.note == LifetimeNote(hours: 90 * 24, olderEnd: 0))
        try fixture.reopen(sessionMax: 2 * day)
        try fixture.reopen(sessionMax: 2 * day)
        #expect(fixture.replay.note.hours == 48 && fixture.replay.note.olderEnd >= began.adding(milliseconds: 90 * day))
        fixture.ledger.close()
    }

    @Test(arguments: LedgerKind.allCases)
    func `a closed ledger accepts nothing`(_ kind: LedgerKind) throws {
        let fixture = try LedgerFixture(kind)
        #expect(fixture.ledger.isWritable && fixture.ledger.takesEverything)
        fixture.ledger.close()
        fixture.ledger.close()
        #expect(!fixture.ledger.isWritable && !fixture.ledger.takesEverything)
        #expect(throws: RevocationError.closed) { try fixture.append(.sessionOpened(sid: fixture.id(1))) }
        #expect(throws: RevocationError.closed) { try fixture.advance(fixture.id(1), from: 0) }
    }
}

@Suite("Two stores that write one ledger")
struct TwoWritersTests {
    private let harness = Harness()

    private func stores(grace: Int64) throws -> (RevocationStore, RevocationStore) {
        let harness = harness
        let clock = WallClock { harness.now }
        let source = ModelLedgerSource(clock: clock)
        let options = RevocationOptions(
            ledger: source, grace: grace, sessionMax: 90 * day, clock: clock, monotonicNow: { 0 },
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
