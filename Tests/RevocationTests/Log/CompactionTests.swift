import Encoding
import Journal
import Platform
@testable import Revocation
import Testing

@Suite("Compaction and expiry: the disk holds what still matters (H14)")
struct CompactionTests {
    private func compact(_ store: RevocationStore, _ harness: Harness) throws -> CompactionReport {
        try store.compact(now: harness.now, monotonic: harness.monotonic.load(ordering: .relaxed))
    }

    /// A store that has believed its clock for long enough.
    private func aged(_ harness: Harness, by milliseconds: Int64, _ store: RevocationStore) {
        for step in [milliseconds, TimeEvidence.probation + 1] {
            harness.advance(step)
            harness.purge(store)
        }
    }

    @Test func `what expired for certain goes from memory and disk, the rest stays refused`() throws {
        let harness = Harness()
        var store = try harness.open()
        let (short, long) = (UUID(high: 1, low: 1), UUID(high: 1, low: 2))
        let (dead, living) = (store.identifiers.next(), store.identifiers.next())
        _ = store.done { store.revokeToken(short, expiresAt: harness.now.adding(milliseconds: 60_000), $0) }
        _ = store.done { store.revokeToken(long, expiresAt: harness.now.adding(milliseconds: 20 * day), $0) }
        _ = store.done { store.revokeSession(dead, expiresAt: harness.now.adding(milliseconds: 60_000), $0) }
        _ = store.done { store.revokeSession(living, expiresAt: harness.now.adding(milliseconds: 20 * day), $0) }
        let longEnd = harness.now.adding(milliseconds: 20 * day)
        #expect(try compact(store, harness).keptCount == 4)
        aged(harness, by: day, store)
        #expect(try compact(store, harness).keptCount == 2)
        let keys = Set(try harness.records().map(\.key))
        #expect(keys.contains(long) && keys.contains(living) && !keys.contains(short) && !keys.contains(dead))
        store.close()
        store = try harness.open()
        #expect(store.denied(nil, jti: long, issuedAt: harness.now, expiresAt: longEnd) == .token)
        #expect(store.denied(living) == .session)
        store.close()
    }

    @Test func `a clock that jumps forward takes nothing from the disk`() throws {
        let harness = Harness()
        let store = try harness.open()
        _ = store.done {
            store.revokeToken(UUID(high: 1, low: 1), expiresAt: harness.now.adding(milliseconds: 60_000), $0)
        }
        harness.set(harness.now.adding(milliseconds: 400 * day))
        #expect(try compact(store, harness).keptCount == 1)
        store.close()
    }

    @Test func `of a session's rotations only the newest stays, and a reuse is still found`() throws {
        let harness = Harness()
        var store = try harness.open()
        let sid = store.identifiers.next()
        for generation in UInt32(0)..<20 { _ = store.rotated(sid, generation) }
        #expect(try compact(store, harness).keptCount == 1)
        store.close()
        harness.advance(60_000)
        store = try harness.open()
        #expect(store.generation(of: sid) == 20)
        guard case .rotated(21, _, _) = store.rotated(sid, 20) else {
            Issue.record("the newest token is refused")
            return
        }
        guard case .reused = store.rotated(sid, 3) else {
            Issue.record("a spent token is not told")
            return
        }
        store.close()
    }

    @Test func `a rotation that could not be written takes no earlier one with it`() throws {
        let harness = Harness()
        var store = try harness.open()
        let sid = store.identifiers.next()
        _ = store.rotated(sid, 0)
        _ = try compact(store, harness)
        harness.disk.fail()
        guard case .unavailable = store.rotated(sid, 1) else {
            Issue.record("acknowledged without a disk")
            return
        }
        store.close()
        store = try harness.reopen()
        #expect(store.generation(of: sid) == 1)
        store.close()
    }

    @Test func `a revocation that is repeated is kept once`() throws {
        let harness = Harness()
        let store = try harness.open()
        let end = harness.now.adding(milliseconds: day)
        for _ in 0..<10 {
            _ = store.done { store.revokeToken(UUID(high: 1, low: 1), expiresAt: end, $0) }
            _ = store.done { store.revokeSession(UUID(high: 1, low: 2), expiresAt: end, $0) }
        }
        // The same identifier until another time is another refusal.
        _ = store.done { store.revokeSession(UUID(high: 1, low: 2), expiresAt: end.adding(milliseconds: 1), $0) }
        #expect(try compact(store, harness).keptCount == 3)
        store.close()
    }

    @Test func `cuts of a name become one, those exempted stay exempted, satisfied cuts go`() throws {
        let harness = Harness()
        var store = try harness.open()
        let before = store.identifiers.next()
        let exempted = store.identifiers.next()
        for _ in 0..<5 {
            _ = store.done {
                store.cut(.subject, name: Array("alice".utf8), for: RevokingSession(sid: exempted, isExempt: true), $0)
            }
        }
        _ = store.done { store.cut(.client, name: Array("app".utf8), $0) }
        _ = store.done { store.cut(.key, name: Array("old".utf8), $0) }
        #expect(try compact(store, harness).keptCount == 4)
        store.close()
        store = try harness.open()
        #expect(store.denied(before) == .subject)
        #expect(store.denied(exempted) == nil)
        #expect(store.denied(before, subject: "bob", client: "app") == .client)
        #expect(store.counts.cuts == 3)
        aged(harness, by: 91 * day, store)
        // The subject's device tokens live for longer than sessions.
        #expect(try compact(store, harness).keptCount == 3)
        #expect(store.counts.cuts == 2)
        aged(harness, by: 90 * day, store)
        // A key that was cut stays so for good.
        #expect(try compact(store, harness).keptCount == 1)
        #expect(store.counts.cuts == 1)
        store.close()
    }

    @Test func `compaction is due when half of enough records no longer matter, or for many files`() {
        var rule = CompactionRule()
        rule.recordCountMin = 100
        rule.segmentCountMax = 5
        func due(_ records: UInt64, living: UInt64, segments: UInt64 = 1) -> Bool {
            rule.isDue(JournalExtent(recordCount: records, segmentCount: segments), liveCount: living)
        }
        #expect(!due(99, living: 0))
        #expect(due(100, living: 50))
        #expect(!due(100, living: 51))
        #expect(due(10, living: 10, segments: 6))
        #expect(!due(10, living: 10, segments: 5))
    }

    @Test func `the store compacts by itself when it is due`() throws {
        let harness = Harness()
        let store = try harness.open()
        var rule = CompactionRule()
        rule.recordCountMin = 20
        func compactIfDue() throws -> CompactionReport? {
            try store.compactIfDue(now: harness.now, monotonic: 0, rule: rule)
        }
        let sid = store.identifiers.next()
        #expect(try compactIfDue() == nil)
        for generation in UInt32(0)..<30 { _ = store.rotated(sid, generation) }
        #expect(try compactIfDue()?.keptCount == 1)
        #expect(store.storedRecordCount == 2)
        #expect(try compactIfDue() == nil)
        store.close()
    }
}
