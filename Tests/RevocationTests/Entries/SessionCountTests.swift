import Encoding
@testable import Journal
import Platform
@testable import Revocation
import Testing

@Suite("The maximum number of a user's sessions")
struct SessionCountTests {
    let harness = Harness()

    @Test func `a login ends the oldest beyond the limit, together with its own record`() throws {
        var store = try harness.open(entries: .kept(idle: day))
        let entries = (0..<4).map { _ in harness.entry(store) }
        for entry in entries[..<3] { #expect(store.began(entry, countMax: 3) == []) }
        #expect(store.began(entries[3], countMax: 2) == [entries[0].sid, entries[1].sid])
        for isAgain in [false, true] {
            if isAgain {
                store.close()
                store = try harness.open(entries: .kept(idle: day))
            }
            #expect(store.listed("alice", at: harness.now).map(\.entry) == [entries[3], entries[2]])
            #expect(store.denied(entries[0].sid) == .session && store.denied(entries[2].sid) == nil)
        }
        // The ends follow the entry and depend on it: never is a session ended for one that does not exist.
        let records = try harness.records()
        let ends = records.filter { $0.kind == .revokeSession }
        #expect(ends.count == 2 && ends.allSatisfy { !RevocationCodec.schema.isSafeAlone($0) && $0.reason == 7 })
        #expect(records.last { $0.kind == .sessionEntry }.map { $0.seq < ends[0].seq } == true)
        store.close()
    }

    @Test func `sessions that ended, and those of others, do not count`() throws {
        let store = try harness.open(entries: .kept(idle: day))
        let (gone, kept) = (harness.entry(store), harness.entry(store))
        _ = store.began(gone)
        _ = store.began(kept)
        _ = store.began(harness.entry(store, subject: "bob"))
        _ = store.done { store.revokeSession(gone.sid, expiresAt: harness.now.adding(milliseconds: day), $0) }
        #expect(store.began(harness.entry(store), countMax: 2) == [])
        store.close()
    }

    @Test func `of logins at the same time each ends another session, and none ends itself`() throws {
        let store = try harness.open(entries: .kept(idle: day))
        let old = (0..<3).map { _ in harness.entry(store) }
        for entry in old { _ = store.began(entry) }
        harness.disk.hold()
        let answers = Collector<[UUID]?>()
        // The ids are older than their logins: passwords take different times.
        let new = (0..<3).map { _ in harness.entry(store) }
        for entry in new.reversed() {
            store.begin(entry, at: harness.now, countMax: 3, keptUntil: { _ in entry.end }) {
                answers.take(try? $0.get().displaced)
            }
        }
        harness.disk.release()
        let ended = answers.wait(for: 3)
        #expect(Set(ended.compactMap(\.self).flatMap(\.self)) == Set(old.map(\.sid)))
        #expect(Set(store.listed("alice", at: harness.now).map(\.entry.sid)) == Set(new.map(\.sid)))
        store.close()
    }

    @Test func `a login that was slower than later ones is not the oldest`() throws {
        let store = try harness.open(entries: .kept(idle: day))
        let (slow, quick) = (harness.entry(store), harness.entry(store))
        _ = store.began(quick, countMax: 1)
        #expect(store.began(slow, countMax: 1) == [quick.sid])
        #expect(store.listed("alice", at: harness.now).map(\.entry) == [slow])
        store.close()
    }
}
