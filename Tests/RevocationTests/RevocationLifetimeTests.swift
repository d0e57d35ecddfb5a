import Encoding
import Journal
@testable import Revocation
import Testing

@Suite("How long a revocation is remembered")
struct RevocationLifetimeTests {
    private let hour: Int64 = 3_600_000
    private let harness = Harness()

    private func cutAlice(_ store: RevocationStore) throws {
        _ = try store.done { store.cut(.subject, name: Array("alice".utf8), $0) }.get()
    }

    private func cutRecord() throws -> JournalRecord {
        try #require(try harness.records().last { $0.kind == .cut })
    }

    @Test func `a cut lasts as long as the longest session, and an hour`() throws {
        let store = try harness.open()
        try cutAlice(store)
        store.close()
        #expect(try cutRecord().expires == harness.now + 90 * day + hour)
    }

    @Test func `and as long as a minted token where sessions are shorter`() throws {
        let store = try harness.open(sessionMax: 60_000)
        try cutAlice(store)
        let sid = store.identifiers.next()
        #expect(store.latestEnd(of: sid) == harness.now + day)
        store.close()
        #expect(try cutRecord().expires == harness.now + day + hour)
    }

    @Test func `a limit that was lowered and raised again lets no cut session live on`() throws {
        var store = try harness.open(sessionMax: 90 * day)
        let mine = store.beginSession()
        store.close()
        store = try harness.open(sessionMax: 2 * day)
        try cutAlice(store)
        #expect(store.latestEnd(of: mine) >= harness.now + 90 * day)
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
        try cutAlice(store)
        store.close()
        #expect(try cutRecord().expires == harness.now + 2 * day + hour)
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
        try cutAlice(store)
        store.close()
        #expect(try cutRecord().expires >= began + 90 * day)
    }

    @Test func `a journal of a version that noted no limit tells it by its records`() throws {
        var limits = SessionLimits()
        limits.take(JournalRecord(.open, key: UUID(high: 1, low: 1), expires: 0))
        let sid = UUID(high: UUID.version7High(milliseconds: harness.now), low: 1)
        limits.take(JournalRecord(.rotate, key: sid, expires: harness.now + 30 * day))
        let note = limits.note(sessionMax: day, now: harness.now)
        #expect(note == OpeningNote(time: harness.now + 30 * day + RevocationStore.sessionSlack, number: 24))
        #expect(SessionLimits().note(sessionMax: day, now: harness.now) == OpeningNote(time: 0, number: 24))
        #expect(SessionLimits().note(sessionMax: nil, now: harness.now) == OpeningNote())
    }

    @Test func `a session of a clock that was ahead is reached by a cut after a crash`() throws {
        let first = try harness.open()
        harness.set(harness.now + hour)
        let mine = first.beginSession()
        // The record is on the disk when the next one is.
        _ = try first.done { first.revokeToken(UUID(high: 1, low: 1), expiresAt: 1, $0) }.get()
        first.close()
        harness.set(harness.now - hour)
        let store = try harness.open()
        try cutAlice(store)
        #expect(store.denied(mine) == .subject)
        #expect(store.denied(store.beginSession()) == nil)
        store.close()
    }

    @Test func `the journal is told of a session only where it would fall behind`() throws {
        let store = try harness.open()
        for _ in 0..<3 { _ = store.beginSession() }
        harness.advance(RevocationStore.sessionSlack + 1)
        let told = store.beginSession()
        for _ in 0..<3 { _ = store.beginSession() }
        store.close()
        #expect(try harness.records().filter { $0.kind == .session }.map(\.key) == [told])
    }

    @Test func `a session is ahead until its time has come, or an id has passed it`() throws {
        let store = try harness.open()
        let ahead = UUID(high: UUID.version7High(milliseconds: harness.now + hour), low: 1)
        #expect(store.isAhead(ahead, at: harness.now, leeway: 0))
        #expect(store.isAhead(ahead, at: harness.now, leeway: hour - 1))
        #expect(!store.isAhead(ahead, at: harness.now + hour, leeway: 0))
        #expect(store.identifiers.next() < ahead)
        #expect(!store.isAhead(ahead, at: harness.now, leeway: hour))
        #expect(store.identifiers.next() > ahead)
        #expect(!store.isAhead(ahead, at: harness.now, leeway: 0))
        // Our own ids stay begun when the clock is set back.
        let mine = store.identifiers.next()
        #expect(!store.isAhead(mine, at: harness.now - day, leeway: 0))
        store.close()
    }
}

extension RevocationStore {
    fileprivate func beginSession() -> UUID {
        let sid = identifiers.next()
        begin(sid)
        return sid
    }
}
