import Encoding
import Platform
@testable import Revocation
import Testing

@Suite("Revoke-before times and births")
struct BirthTests {
    private let table = RevokeBeforeTable()
    private let key = RevokeBeforeTable.key(.subject, "alice".utf8.span)
    private let sid = UUID(high: 50, low: 1)

    private func denial(id: UInt64, seq: UInt64?, _ sid: Encoding.UUID? = nil) -> Denial? {
        table.denial(
            born: Birth(id: id, seq: seq), sid: sid, subject: "alice".utf8.span, client: "web".utf8.span,
            kid: "k".utf8.span)
    }

    private func cut(_ value: UInt64) -> RevokeBefore { RevokeBefore(value: value, expires: 1_000) }

    @Test func `a birth counts, whatever the clocks say`() {
        table.insert(.subject, key, cut(100), seq: 40)
        // An id from a clock that was ahead, and one from a clock that was behind.
        #expect(denial(id: 150, seq: 39) == .subject)
        #expect(denial(id: 50, seq: 40) == nil && denial(id: 50, seq: 41) == nil)
        // Without a birth, ids count as ever.
        #expect(denial(id: 99, seq: nil) == .subject && denial(id: 100, seq: nil) == nil)
    }

    @Test func `before it is durable, it is compared by ids`() throws {
        let made = table.make(.subject, key, expires: 1_000, for: nil, isEnded: { _ in false }, draw: { 100 })
        let cut = try made.get()
        #expect(denial(id: 99, seq: .max) == .subject && denial(id: 100, seq: 5) == nil)
        table.settle(.subject, key, cut, exempted: nil, seq: 7)
        #expect(denial(id: 99, seq: 7) == nil && denial(id: 100, seq: 6) == .subject)
    }

    @Test func `one of two that is durable leaves the other`() throws {
        let first = try table.make(.subject, key, expires: 1, for: nil, isEnded: { _ in false }, draw: { 100 }).get()
        let second = try table.make(.subject, key, expires: 1, for: nil, isEnded: { _ in false }, draw: { 200 }).get()
        table.settle(.subject, key, first, exempted: nil, seq: 7)
        #expect(denial(id: 150, seq: 9) == .subject)
        table.settle(.subject, key, second, exempted: nil, seq: 8)
        #expect(denial(id: 150, seq: 9) == nil && denial(id: 150, seq: 7) == .subject)
    }

    @Test func `the same one recorded twice counts once, in any order`() {
        table.insert(.subject, key, cut(100), seq: 40)
        table.insert(.subject, key, cut(100), seq: 60)
        #expect(denial(id: 1, seq: 40) == nil && denial(id: 1, seq: 39) == .subject)
        table.insert(.subject, key, cut(100), seq: 30)
        #expect(denial(id: 1, seq: 30) == nil && denial(id: 1, seq: 29) == .subject)
        table.insert(.subject, key, cut(90), seq: 70)
        #expect(denial(id: 1, seq: 69) == .subject && denial(id: 99, seq: nil) == .subject)
    }

    @Test func `an exempt session survives up to that one and no later`() throws {
        let asker = RevokingSession(sid: sid, isExempt: true)
        let made = try table.make(.subject, key, expires: 1, for: asker, isEnded: { _ in false }, draw: { 100 }).get()
        #expect(denial(id: 50, seq: 3, sid) == nil && denial(id: 50, seq: 3) == .subject)
        table.settle(.subject, key, made, exempted: sid, seq: 9)
        #expect(denial(id: 50, seq: 3, sid) == nil && denial(id: 50, seq: 3) == .subject)
        #expect(denial(id: 50, seq: nil, sid) == nil)
        table.insert(.subject, key, cut(80), seq: 12)
        #expect(denial(id: 50, seq: 3, sid) == .subject && denial(id: 50, seq: nil, sid) == nil)
        // Read from the ledger: the exemption first.
        table.exempt(sid, .subject, cut(300), seq: 20)
        table.insert(.subject, key, cut(300), seq: 20)
        #expect(denial(id: 50, seq: 3, sid) == nil && denial(id: 50, seq: nil, sid) == nil)
    }

    @Test func `what expired is forgotten, and what is left still counts`() {
        let other = RevokeBeforeTable.key(.subject, "bob".utf8.span)
        table.insert(.subject, key, RevokeBefore(value: 100, expires: 10), seq: 5)
        table.insert(.subject, other, RevokeBefore(value: 90, expires: 100), seq: 4)
        table.purge(expiredAt: 10)
        #expect(denial(id: 1, seq: 1) == nil)
        #expect(
            table.denial(
                born: Birth(id: 1, seq: 3), sid: nil, subject: "bob".utf8.span, client: "web".utf8.span,
                kid: "k".utf8.span) == .subject)
    }
}

@Suite("Births with a ledger that several stores write")
struct SharedBirthTests {
    private let harness = Harness()

    private func stores() throws -> (RevocationStore, RevocationStore) {
        let harness = harness
        let clock = WallClock { harness.now }
        let options = RevocationOptions(
            ledger: ModelLedgerSource(clock: clock), grace: 10_000, sessionMax: 90 * day, clock: clock,
            monotonicNow: { 0 }, random: { harness.random() })
        return (try .open(options), try .open(options))
    }

    private func denial(_ store: RevocationStore, _ sid: Encoding.UUID, _ birth: UInt64?) -> Denial? {
        store.denial(
            sid: sid, issuedAt: 0, birth: birth, subject: "alice".utf8.span, client: "web".utf8.span, kid: "k".utf8.span
        )
    }

    @Test func `a session from a clock that is ahead ends with an earlier birth`() throws {
        let (store, other) = try stores()
        let birth = try #require(other.birth)
        harness.advance(60_000)
        let ahead = other.identifiers.next()
        harness.advance(-60_000)
        let position = try store.done { store.cut(.subject, name: Array("alice".utf8), $0) }.get()
        #expect(denial(store, ahead, birth) == .subject && denial(store, ahead, nil) == nil)
        let later = try #require(store.birth)
        #expect(later >= position.seq && denial(store, ahead, later) == nil)
        // One that is not of this ledger is not compared.
        #expect(denial(store, ahead, .max) == nil)
        #expect(denial(store, UUID(high: 1, low: 1), .max) == .subject)
    }

    @Test func `a refresh checks the birth too, and the exempt session goes on`() throws {
        let (store, _) = try stores()
        let birth = try #require(store.birth)
        let (kept, ended) = (store.identifiers.next(), store.identifiers.next())
        var asker = RevokingSession(sid: kept, isExempt: true)
        asker.birth = birth
        _ = try store.done { store.cut(.subject, name: Array("alice".utf8), for: asker, $0) }.get()
        for (sid, isKept) in [(kept, true), (ended, false)] {
            var request = RotationRequest(sid: sid, generation: 0, request: 1, sessionEnd: 1_900_000_000_000)
            request.birth = birth
            let outcomes = Collector<RotationOutcome>()
            store.rotate(request, subject: Array("alice".utf8), client: Array("web".utf8), kid: Array("k".utf8)) {
                outcomes.take($0)
            }
            if case .rotated = outcomes.wait()[0] { #expect(isKept) } else { #expect(!isKept) }
        }
    }

    @Test func `the journal gives no births, because one process draws all ids`() throws {
        let store = try harness.open()
        #expect(store.birth == nil && !store.isShared)
        let sid = store.identifiers.next()
        _ = try store.done { store.cut(.subject, name: Array("alice".utf8), $0) }.get()
        #expect(denial(store, sid, .max) == .subject && denial(store, store.identifiers.next(), 0) == nil)
        store.close()
    }
}
