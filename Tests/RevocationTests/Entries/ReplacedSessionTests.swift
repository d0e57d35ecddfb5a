import Encoding
import Journal
import Platform
@testable import Revocation
import Testing

@Suite("A session that a new one replaces")
struct ReplacedSessionTests {
    let harness = Harness()

    private func began(_ store: RevocationStore, _ sid: UUID, replacing old: UUID) -> Bool {
        let answers = Collector<Bool>()
        store.begin(sid, replacing: end(of: old)) { answers.take($0 == nil) }
        return answers.wait()[0]
    }

    private func end(of sid: UUID) -> ReplacedSession {
        ReplacedSession(sid: sid, expiresAt: sid.milliseconds.adding(milliseconds: 90 * day))
    }

    @Test(arguments: [true, false])
    func `ends with the record of the new one, durably`(_ isListed: Bool) throws {
        var store = try harness.open(entries: .kept(idle: day))
        let (old, other) = (harness.entry(store), harness.entry(store))
        _ = store.began(old)
        _ = store.began(other)
        if isListed {
            let answers = Collector<[UUID]?>()
            store.begin(
                harness.entry(store), at: harness.now, countMax: 2, replacing: end(of: old.sid),
                keptUntil: { _ in old.end }
            ) { answers.take(try? $0.get().displaced) }
            // The replaced one does not count, so no other one has to end.
            #expect(answers.wait()[0] == [])
            #expect(store.listedSessionCount == 2)
        } else {
            #expect(began(store, store.identifiers.next(), replacing: old.sid))
        }
        for _ in 0..<3 {
            #expect(store.denied(old.sid) == .session && store.isReplaced(old.sid))
            #expect(store.denied(other.sid) == nil && !store.isReplaced(other.sid))
            #expect(!store.listed("alice", at: harness.now).contains { $0.entry.sid == old.sid })
            _ = try harness.compact(store)
            store.close()
            store = try harness.open(entries: .kept(idle: day))
        }
        store.close()
    }

    @Test func `goes on if the new one cannot be recorded`() throws {
        let store = try harness.open(entries: .kept(idle: day))
        let old = harness.entry(store)
        _ = store.began(old)
        harness.disk.fail()
        #expect(!began(store, store.identifiers.next(), replacing: old.sid))
        let answers = Collector<[UUID]?>()
        store.begin(
            harness.entry(store), at: harness.now, countMax: 1, replacing: end(of: old.sid), keptUntil: { _ in old.end }
        ) { answers.take(try? $0.get().displaced) }
        #expect(answers.wait()[0] == nil)
        #expect(store.denied(old.sid) == nil && !store.isReplaced(old.sid))
        #expect(store.listed("alice", at: harness.now).map(\.entry) == [old])
        harness.disk.heal()
        harness.awaitWritable(store)
        #expect(began(store, store.identifiers.next(), replacing: old.sid) && store.isReplaced(old.sid))
        store.close()
    }

    @Test func `a session that was ended in another way is not replaced`() throws {
        let store = try harness.open(entries: .kept(idle: day))
        let sid = store.identifiers.next()
        _ = store.done { store.revokeSession(sid, expiresAt: end(of: sid).expiresAt, $0) }
        #expect(store.denied(sid) == .session && !store.isReplaced(sid))
        store.close()
    }

    @Test func `counts as revoked only when no late request can come any more, also after a restart`() throws {
        var store = try harness.open(entries: .kept(idle: day))
        let sid = store.identifiers.next()
        #expect(began(store, store.identifiers.next(), replacing: sid))
        for passes in 0..<3 {
            // A purge forgets only what has certainly passed.
            harness.advance(passes == 0 ? 60_000 : 2 * day)
            harness.purge(store)
            #expect(store.denied(sid) == .session && store.isReplaced(sid) == (passes == 0))
            if passes == 1 {
                store.close()
                store = try harness.open(entries: .kept(idle: day))
                harness.advance(2 * day)
                harness.purge(store)
            }
        }
        store.close()
    }
}
