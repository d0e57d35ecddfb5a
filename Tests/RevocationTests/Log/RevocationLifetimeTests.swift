import Encoding
import Journal
import Platform
@testable import Revocation
import Testing

@Suite("How long a revocation is remembered")
struct RevocationLifetimeTests {
    private let hour: Int64 = 3_600_000
    private let harness = Harness()

    private func cutAlice(_ store: RevocationStore, _ kind: RevokeBeforeKind = .subject) throws {
        _ = try store.done { store.cut(kind, name: Array("alice".utf8), $0) }.get()
    }

    private func cutRecord() throws -> JournalRecord {
        try #require(try harness.records().last { $0.kind == .cut })
    }

    @Test func `a cut lasts as long as the longest session, and an hour`() throws {
        let store = try harness.open()
        try cutAlice(store, .client)
        store.close()
        #expect(try cutRecord().expires == harness.now.adding(milliseconds: 90 * day + hour))
    }

    @Test(arguments: [RevokeBeforeKind.subject, .all])
    func `a cut that ends device tokens lasts as long as they do, or as longer sessions`(kind: RevokeBeforeKind) throws
    {
        for (sessionMax, lasts) in [(90 * day, 180 * day), (200 * day, 200 * day)] {
            let store = try harness.open(sessionMax: sessionMax)
            try cutAlice(store, kind)
            store.close()
            #expect(try cutRecord().expires == harness.now.adding(milliseconds: lasts + hour))
        }
    }

    @Test func `and as long as a minted token where sessions are shorter`() throws {
        let store = try harness.open(sessionMax: 60_000)
        try cutAlice(store, .client)
        let sid = store.identifiers.next()
        #expect(store.latestEnd(of: sid) == harness.now.adding(milliseconds: day))
        store.close()
        #expect(try cutRecord().expires == harness.now.adding(milliseconds: day + hour))
    }

    @Test func `a limit that was lowered and raised again lets no cut session live on`() throws {
        var store = try harness.open(sessionMax: 90 * day)
        let mine = try store.beginSession()
        store.close()
        store = try harness.open(sessionMax: 2 * day)
        try cutAlice(store)
        #expect(store.latestEnd(of: mine) >= harness.now.adding(milliseconds: 90 * day))
        // What was not cut but revoked by its id.
        let other = UUID(high: mine.high, low: mine.low ^ 1)
        _ = try store.done { store.revokeSession(other, expiresAt: store.latestEnd(of: other), $0) }.get()
        harness.advance(30 * day)
        harness.purge(store)
        store.close()
        store = try harness.open(sessionMax: 90 * day)
        harness.advance(2 * hour)
        harness.purge(store)
        #expect(store.denied(mine) == .subject)
        #expect(store.denied(other) == .session)
        _ = try store.compact(now: harness.now, monotonic: harness.monotonic.load(ordering: .relaxed))
        store.close()
        store = try harness.open(sessionMax: 90 * day)
        #expect(store.denied(mine) == .subject)
        store.close()
    }

    @Test func `the greater limit is forgotten when nothing of it can live any more`() throws {
        try harness.open(sessionMax: 90 * day).close()
        try harness.open(sessionMax: 2 * day).close()
        harness.advance(91 * day)
        let store = try harness.open(sessionMax: 2 * day)
        try cutAlice(store, .client)
        store.close()
        #expect(try cutRecord().expires == harness.now.adding(milliseconds: 2 * day + hour))
    }

    @Test func `a compaction and a tool without sessions pass the limits on`() throws {
        var store = try harness.open(sessionMax: 90 * day)
        let began = harness.now
        store.close()
        store = try harness.open(sessionMax: nil)
        _ = try store.compact(now: harness.now, monotonic: 0)
        store.close()
        store = try harness.open(sessionMax: 2 * day)
        _ = try store.compact(now: harness.now, monotonic: 0)
        try cutAlice(store, .client)
        store.close()
        #expect(try cutRecord().expires >= began.adding(milliseconds: 90 * day))
    }

    @Test func `a journal of a version that noted no limit tells it by its records`() throws {
        var limits = SessionLimits()
        limits.take(.processStarted(LifetimeNote()), at: harness.now)
        let sid = UUID(high: UUID.version7High(milliseconds: harness.now), low: 1)
        limits.take(
            .rotated(sid: sid, generation: 1, request: 0, sessionEnd: harness.now.adding(milliseconds: 30 * day)),
            at: harness.now)
        let note = limits.note(sessionMax: day, now: harness.now)
        #expect(
            note == LifetimeNote(hours: 24, olderEnd: harness.now.adding(milliseconds: 30 * day + SessionLimits.slack)))
        #expect(SessionLimits().note(sessionMax: day, now: harness.now) == LifetimeNote(hours: 24, olderEnd: 0))
        #expect(SessionLimits().note(sessionMax: nil, now: harness.now) == LifetimeNote())
    }

    @Test func `a session of a clock that was ahead is reached by a cut after a crash`() throws {
        let first = try harness.open()
        harness.set(harness.now.adding(milliseconds: hour))
        let mine = try first.beginSession()
        first.close()
        harness.set(harness.now.adding(milliseconds: -hour))
        let store = try harness.open()
        try cutAlice(store)
        #expect(store.denied(mine) == .subject)
        #expect(try store.denied(store.beginSession()) == nil)
        store.close()
    }

    @Test(arguments: [1, 4_999, 5_001])
    func `however little it was ahead, a session is reached by a cut after a crash`(ahead: Int64) throws {
        let first = try harness.open()
        harness.advance(ahead)
        let mine = try first.beginSession()
        harness.set(harness.now.adding(milliseconds: -ahead))
        // As `kill -9` leaves it: with nothing written at the end.
        let crashed = try harness.copy()
        let store = try crashed.open()
        try cutAlice(store)
        #expect(store.denied(mine) == .subject)
        // No further than that: what is issued from now on is not refused, even where the clock alone dates it.
        #expect(store.denied(nil, issuedAt: harness.now.adding(milliseconds: ahead + 2)) == nil)
        store.close()
        first.close()
    }

    @Test func `a cut reaches a token that another program signed before the clock was set back`() throws {
        let store = try harness.open()
        harness.advance(5_000)
        let minted = UUID(high: UUID.version7High(milliseconds: harness.now), low: 1)
        store.followClock()
        harness.set(harness.now.adding(milliseconds: -3_000))
        try cutAlice(store)
        #expect(store.denied(minted) == .subject)
        #expect(store.denied(nil, issuedAt: minted.milliseconds) == .subject)
        store.close()
    }

    @Test func `nobody is given a session that the journal does not know of`() throws {
        let store = try harness.open()
        harness.disk.fail()
        let sid = store.identifiers.next()
        #expect(store.note(sid) != nil)
        harness.disk.heal()
        store.close()
    }

    @Test func `of many sessions the journal keeps the newest one ahead of its time when it is written again`() throws {
        let store = try harness.open()
        for _ in 0..<3 { _ = try store.beginSession() }
        _ = try store.compact(now: harness.now, monotonic: harness.monotonic.load(ordering: .relaxed))
        #expect(try harness.records().count { $0.kind == .session } == 0)
        // Looked at when the clock was ahead, and noted when it was right.
        store.identifiers.raise(above: UUID.version7High(milliseconds: harness.now.adding(milliseconds: 2_000)))
        var newest = try store.beginSession()
        for _ in 0..<3 { newest = try store.beginSession() }
        // Drawn before, and known with the newer one.
        let earlier = UUID(high: newest.high - 1, low: newest.low)
        #expect(store.note(earlier) == nil)
        #expect(try harness.records().count { $0.kind == .session } == 4)
        _ = try store.compact(now: harness.now, monotonic: harness.monotonic.load(ordering: .relaxed))
        #expect(try harness.records().filter { $0.kind == .session }.map(\.key) == [newest])
        store.close()
        let next = try harness.open()
        #expect(next.identifiers.next() > newest)
        next.close()
    }

    @Test func `a session is ahead until its time has come, or an id has passed it`() throws {
        let store = try harness.open()
        let ahead = UUID(high: UUID.version7High(milliseconds: harness.now.adding(milliseconds: hour)), low: 1)
        #expect(store.isAhead(ahead, at: harness.now, leewaySeconds: 0))
        #expect(store.isAhead(ahead, at: harness.now, leewaySeconds: 3_599))
        #expect(!store.isAhead(ahead, at: harness.now.adding(milliseconds: hour), leewaySeconds: 0))
        #expect(store.identifiers.next() < ahead)
        #expect(!store.isAhead(ahead, at: harness.now, leewaySeconds: 3_600))
        #expect(store.identifiers.next() > ahead)
        #expect(!store.isAhead(ahead, at: harness.now, leewaySeconds: 0))
        // Our own ids stay begun when the clock is set back.
        let mine = store.identifiers.next()
        #expect(!store.isAhead(mine, at: harness.now.adding(milliseconds: -day), leewaySeconds: 0))
        store.close()
    }

    @Test func `the clocks of other servers may be ahead`() throws {
        let store = try harness.open(clockSpread: 10)
        func session(after seconds: Int64) -> UUID {
            UUID(high: UUID.version7High(milliseconds: harness.now.adding(seconds: seconds)), low: 1)
        }
        #expect(store.isAhead(session(after: 11), at: harness.now, leewaySeconds: 0))
        #expect(!store.isAhead(session(after: 10), at: harness.now, leewaySeconds: 0))
        #expect(store.identifiers.next() > session(after: 10))
        #expect(!store.isAhead(session(after: 60), at: harness.now, leewaySeconds: 60))
        store.close()
    }
}

extension RevocationStore {
    fileprivate func note(_ sid: UUID) -> JournalError? {
        let answer = done { answer in
            begin(sid) { answer($0.map(Result.failure) ?? .success(LedgerPosition(epoch: 1, seq: 0))) }
        }
        guard case .failure(let fault) = answer else { return nil }
        return fault
    }

    fileprivate func beginSession() throws -> UUID {
        let sid = identifiers.next()
        if let fault = note(sid) { throw fault }
        return sid
    }
}
