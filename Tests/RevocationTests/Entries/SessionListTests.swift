import Encoding
import Journal
import Platform
@testable import Revocation
import Testing

@Suite("The list of a user's sessions")
struct SessionListTests {
    let harness = Harness()

    @Test func `lists what was recorded, the newest first, and nothing of others`() throws {
        let store = try harness.open(entries: .kept(idle: day))
        let entries = (0..<3).map { number in
            harness.entry(store, device: "Phone \(number)", address: .ipv4(0x7f00_0001))
        }
        for entry in entries { #expect(store.began(entry) == []) }
        #expect(store.began(harness.entry(store, subject: "bob")) == [])
        let listed = store.listed("alice", at: harness.now)
        #expect(listed.map(\.entry) == entries.reversed())
        #expect(listed.allSatisfy { $0.lastUsedAt == $0.entry.sid.milliseconds })
        #expect(store.listed("bob", at: harness.now).count == 1 && store.listed("carol", at: harness.now).isEmpty)
        store.close()
    }

    @Test func `a refresh moves the last use and the end, also after a restart`() throws {
        var store = try harness.open(entries: .kept(idle: day))
        let entry = harness.entry(store)
        _ = store.began(entry)
        harness.advance(3_600_000)
        _ = store.rotated(entry.sid, 0)
        for _ in 0..<2 {
            let session = try #require(store.listed("alice", at: harness.now).first)
            #expect(session.lastUsedAt == harness.now)
            #expect(session.expiresAt == harness.now.adding(milliseconds: day))
            store.close()
            store = try harness.open(entries: .kept(idle: day))
        }
        store.close()
    }

    @Test func `the longer idle limit counts, and the absolute end and the current limit on sessions`() throws {
        var store = try harness.open(entries: .kept(idle: 60_000))
        let entry = harness.entry(store, idleSeconds: 3_600)
        _ = store.began(entry)
        #expect(store.listed("alice", at: harness.now)[0].expiresAt == entry.sid.milliseconds.adding(seconds: 3_600))
        store.close()
        store = try harness.open(entries: .kept(idle: 400 * day))
        #expect(store.listed("alice", at: harness.now)[0].expiresAt == entry.end)
        store.close()
        store = try harness.open(sessionMax: 7_200_000, entries: .kept(idle: 400 * day))
        #expect(store.listed("alice", at: harness.now)[0].expiresAt == entry.sid.milliseconds.adding(seconds: 7_200))
        harness.advance(7_200_001)
        #expect(store.listed("alice", at: harness.now).isEmpty)
        store.close()
    }

    @Test func `sessions that ended leave the list at once, and memory and disk with the next compaction`() throws {
        let store = try harness.open(entries: .kept(idle: day))
        let entries = (0..<5).map { _ in harness.entry(store) }
        for entry in entries { _ = store.began(entry) }
        let (ofSubject, ofClient) = (harness.entry(store, subject: "bob"), harness.entry(store, client: "shop"))
        _ = store.began(ofSubject)
        _ = store.began(ofClient)
        let end = harness.now.adding(milliseconds: 90 * day)
        _ = store.done { store.revokeSession(entries[0].sid, expiresAt: end, $0) }
        _ = store.done { store.cut(.subject, name: Array("bob".utf8), $0) }
        _ = store.done { store.cut(.client, name: Array("shop".utf8), $0) }
        #expect(store.listed("bob", at: harness.now).isEmpty)
        #expect(store.listed("alice", at: harness.now).map(\.entry) == entries[1...].reversed())
        #expect(store.listedSessionCount == 7)
        harness.purge(store)
        #expect(store.listedSessionCount == 4)
        _ = try harness.compact(store)
        #expect(try harness.entryCount() == 4)
        store.close()
    }

    @Test func `an unused session leaves the list at its end, and memory when the end is certain`() throws {
        let store = try harness.open(entries: .kept(idle: day))
        _ = store.began(harness.entry(store, idleSeconds: 3_600))
        harness.advance(day + 1)
        #expect(store.listed("alice", at: harness.now).isEmpty)
        harness.purge(store)
        harness.advance(TimeEvidence.probation + 1)
        harness.purge(store)
        #expect(store.listedSessionCount == 0)
        store.close()
    }

    @Test func `a clock that jumps ahead takes no entry away`() throws {
        let store = try harness.open(entries: .kept(idle: day))
        _ = store.began(harness.entry(store))
        let before = harness.now
        harness.set(before.adding(milliseconds: 300 * day))
        harness.purge(store)
        _ = try harness.compact(store)
        #expect(store.listed("alice", at: harness.now).isEmpty)
        harness.set(before)
        #expect(store.listed("alice", at: harness.now).count == 1)
        #expect(try harness.entryCount() == 1)
        store.close()
    }

    @Test func `one of the list is ended, once; another user's and an unknown one are not found`() throws {
        var store = try harness.open(entries: .kept(idle: day))
        let (entry, other) = (harness.entry(store), harness.entry(store, subject: "bob"))
        _ = store.began(entry)
        _ = store.began(other)
        let end = harness.now.adding(milliseconds: 90 * day)
        func ends(_ sid: UUID) -> Bool {
            let answers = Collector<Answer>()
            let isKnown = store.endListed(
                sid, of: "alice".utf8.span, at: harness.now, expiresAt: end
            ) { answers.take($0) }
            if isKnown { #expect(throws: Never.self) { try answers.wait()[0].get() } }
            return isKnown
        }
        #expect(!ends(other.sid) && !ends(store.identifiers.next()))
        #expect(ends(entry.sid) && !ends(entry.sid))
        #expect(store.denied(entry.sid) == .session && store.denied(other.sid, subject: "bob") == nil)
        #expect(store.listedSessionCount == 1)
        store.close()
        store = try harness.open(entries: .kept(idle: day))
        #expect(store.listed("alice", at: harness.now).isEmpty && store.listed("bob", at: harness.now).count == 1)
        store.close()
    }

    @Test func `an end that could not be written can be asked for again until it is durable`() throws {
        let store = try harness.open(entries: .kept(idle: day))
        let entry = harness.entry(store)
        _ = store.began(entry)
        harness.disk.fail()
        let end = harness.now.adding(milliseconds: 90 * day)
        for isHealed in [false, true] {
            if isHealed {
                harness.disk.heal()
                harness.awaitWritable(store)
            }
            let answers = Collector<Answer>()
            #expect(
                store.endListed(entry.sid, of: "alice".utf8.span, at: harness.now, expiresAt: end) { answers.take($0) })
            let isDurable = if case .success = answers.wait()[0] { true } else { false }
            #expect(isDurable == isHealed)
            #expect(store.listed("alice", at: harness.now).isEmpty)
        }
        // Until then, what may be missing on disk stays in memory.
        #expect(store.listedSessionCount == 0)
        store.close()
    }

    @Test func `what could not be written is not listed, and takes no other session with it`() throws {
        let store = try harness.open(entries: .kept(idle: day))
        let entry = harness.entry(store)
        _ = store.began(entry)
        harness.disk.fail()
        #expect(store.began(harness.entry(store), countMax: 1) == nil)
        #expect(store.listed("alice", at: harness.now).map(\.entry) == [entry])
        #expect(store.denied(entry.sid) == nil && store.listedSessionCount == 1)
        harness.disk.heal()
        harness.awaitWritable(store)
        #expect(store.began(harness.entry(store), countMax: 1) == [entry.sid])
        store.close()
    }

    @Test func `off: nothing is in memory, and a compaction takes the entries from the disk`() throws {
        var store = try harness.open(entries: .kept(idle: day))
        _ = store.began(harness.entry(store))
        store.close()
        store = try harness.open(entries: .dropped)
        #expect(store.listed("alice", at: harness.now).isEmpty && store.listedSessionCount == 0)
        #expect(try harness.entryCount() == 1)
        let monotonic = harness.monotonic.load(ordering: .relaxed)
        #expect(try store.compactIfDue(now: harness.now, monotonic: monotonic) != nil)
        #expect(try store.compactIfDue(now: harness.now, monotonic: monotonic) == nil)
        #expect(try harness.entryCount() == 0)
        store.close()
        store = try harness.open(entries: .kept(idle: day))
        #expect(store.listed("alice", at: harness.now).isEmpty)
        store.close()
    }

    @Test func `a compaction keeps what is live, and a tool that knows no settings keeps it too`() throws {
        var store = try harness.open(entries: .kept(idle: day))
        let entries = (0..<40).map { number in
            harness.entry(
                store, device: number % 2 == 0 ? nil : "Phone", address: number % 3 == 0 ? .ipv6(high: 1, low: 2) : nil)
        }
        for entry in entries { _ = store.began(entry) }
        _ = try harness.compact(store)
        store.close()
        harness.advance(2 * day)
        store = try harness.open(entries: .kept(idle: nil))
        _ = try harness.compact(store)
        store.close()
        store = try harness.open(entries: .kept(idle: 400 * day))
        #expect(store.listed("alice", at: harness.now).map(\.entry) == entries.reversed())
        store.close()
    }

    @Test func `the entry of an ended session still says how far ids have advanced`() throws {
        var store = try harness.open(entries: .kept(idle: day))
        let ahead = harness.now
        harness.set(ahead.adding(milliseconds: 3_600_000))
        let entry = harness.entry(store)
        harness.set(ahead)
        _ = store.began(entry)
        _ = store.done { store.revokeSession(entry.sid, expiresAt: ahead.adding(milliseconds: 90 * day), $0) }
        _ = try harness.compact(store)
        #expect(try harness.entryCount() == 0)
        store.close()
        store = try harness.open(entries: .kept(idle: day))
        #expect(store.identifiers.next() > entry.sid)
        store.close()
    }

    @Test func `a list is bounded`() throws {
        let store = try harness.open(entries: .kept(idle: day))
        for _ in 0...RevocationStore.listCountMax { _ = store.began(harness.entry(store)) }
        #expect(store.listed("alice", at: harness.now).count == RevocationStore.listCountMax)
        store.close()
    }
}
