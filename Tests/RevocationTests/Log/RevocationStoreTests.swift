import Encoding
import Journal
import Platform
@testable import Revocation
import Testing

@Suite("Revocation (H12, H14, H15, G14)")
struct RevocationStoreTests {
    @Test func `a revoked token is refused at once and after a restart, others are not`() throws {
        let harness = Harness()
        var store = try harness.open()
        let jti = store.identifiers.next()
        let other = store.identifiers.next()
        let exp = harness.now.adding(milliseconds: 600_000)
        harness.disk.hold()
        let answers = Collector<Answer>()
        store.revokeToken(jti, expiresAt: exp) { answers.take($0) }
        harness.disk.waiting.wait()
        #expect(store.denied(nil, jti: jti, expiresAt: exp) == .token)
        #expect(answers.all.isEmpty)
        harness.disk.release()
        #expect(answers.wait() == [.success(store.position)])
        for _ in 0..<2 {
            #expect(store.denied(nil, jti: jti, expiresAt: exp) == .token)
            #expect(store.denied(nil, jti: other, expiresAt: exp) == nil)
            #expect(store.counts.revokedTokens == 1)
            store.close()
            store = try harness.open()
        }
        store.close()
    }

    @Test func `a refusal that cannot be written is not acknowledged, but holds in memory`() throws {
        let harness = Harness()
        let store = try harness.open()
        let sid = store.identifiers.next()
        harness.disk.fail()
        for _ in 0..<2 {
            guard
                case .failure(.unwritable) = store.done({
                    store.revokeSession(sid, expiresAt: harness.now.adding(milliseconds: day), $0)
                })
            else {
                Issue.record("acknowledged")
                return
            }
        }
        #expect(store.denied(sid) == .session)
        #expect(!store.isWritable)
        store.close()
    }

    @Test(arguments: [RevokeBeforeKind.subject, .client, .all])
    func `a cut refuses older sessions, and a login in the same millisecond lives`(_ kind: RevokeBeforeKind) throws {
        let harness = Harness()
        var store = try harness.open()
        let name: [RevokeBeforeKind: String] = [.subject: "alice", .client: "web", .all: ""]
        let older = store.identifiers.next()
        _ = store.done { store.cut(kind, name: Array(name[kind, default: ""].utf8), $0) }
        let newer = store.identifiers.next()
        for _ in 0..<2 {
            #expect(store.denied(older) != nil)
            #expect(store.denied(newer) == nil)
            #expect((store.denied(older, subject: "bob", client: "app") != nil) == (kind == .all))
            // Without a session the time of issue decides.
            #expect(store.denied(nil, issuedAt: harness.now.adding(milliseconds: -1)) != nil)
            #expect(store.denied(nil, issuedAt: harness.now.adding(milliseconds: 1)) == nil)
            store.close()
            store = try harness.open()
        }
        store.close()
    }

    @Test func `a cut of a key refuses all its tokens, whenever issued`() throws {
        let harness = Harness()
        var store = try harness.open()
        _ = store.done { store.cut(.key, name: Array("k1".utf8), $0) }
        for _ in 0..<2 {
            #expect(store.denied(store.identifiers.next()) == .key)
            #expect(store.denied(nil, issuedAt: harness.now.adding(milliseconds: day)) == .key)
            #expect(store.denied(store.identifiers.next(), kid: "k2") == nil)
            store.close()
            store = try harness.open()
        }
        harness.advance(1_000 * day)
        harness.purge(store)
        #expect(store.denied(nil) == .key)
        store.close()
    }

    @Test func `a exempted session lives through its cut, not through the next`() throws {
        let harness = Harness()
        var store = try harness.open()
        let mine = store.identifiers.next()
        let other = store.identifiers.next()
        _ = store.done {
            store.cut(.subject, name: Array("alice".utf8), for: RevokingSession(sid: mine, isExempt: true), $0)
        }
        for _ in 0..<2 {
            #expect(store.denied(mine) == nil)
            #expect(store.denied(other) == .subject)
            store.close()
            store = try harness.open()
        }
        _ = store.done { store.cut(.subject, name: Array("alice".utf8), $0) }
        #expect(store.denied(mine) == .subject)
        store.close()
    }

    @Test func `a session is not exempted from a cut of another kind`() throws {
        let harness = Harness()
        let store = try harness.open()
        let mine = store.identifiers.next()
        _ = store.done { store.cut(.client, name: Array("web".utf8), $0) }
        _ = store.done {
            store.cut(.subject, name: Array("alice".utf8), for: RevokingSession(sid: mine, isExempt: true), $0)
        }
        #expect(store.denied(mine) == .client)
        store.close()
    }

    @Test func `a session that was cut while it was being verified neither spares itself nor cuts`() throws {
        let harness = Harness()
        let store = try harness.open()
        let alice = Array("alice".utf8)
        let mine = store.identifiers.next()
        // The session's request was verified here; then an operator's cut is made, and then a new login.
        _ = try store.done { store.cut(.subject, name: alice, $0) }.get()
        let later = store.identifiers.next()
        for isExempt in [true, false] {
            let denial = store.cut(.subject, name: alice, for: RevokingSession(sid: mine, isExempt: isExempt)) { _ in
                Issue.record("a cut for a session that is refused")
            }
            #expect(denial == .subject)
        }
        #expect(store.denied(mine) == .subject && store.denied(later) == nil)
        store.close()
        let again = try harness.open()
        #expect(again.denied(mine) == .subject && again.denied(later) == nil)
        again.close()
    }

    @Test func `a session that was ended in any way cuts nothing`() throws {
        let harness = Harness()
        let store = try harness.open()
        let alice = Array("alice".utf8)
        let (one, two, three, four) = (
            store.identifiers.next(), store.identifiers.next(), store.identifiers.next(), store.identifiers.next()
        )
        let web = RevokingSession(sid: two, client: Array("web".utf8), kid: Array("k1".utf8), isExempt: true)
        let app = RevokingSession(sid: three, client: Array("app".utf8), kid: Array("k2".utf8), isExempt: true)
        let plain = RevokingSession(sid: four, client: Array("app".utf8), kid: Array("k1".utf8), isExempt: true)
        _ = store.done { store.revokeSession(one, expiresAt: harness.now.adding(milliseconds: day), $0) }
        _ = store.done { store.cut(.client, name: web.client, $0) }
        _ = store.done { store.cut(.key, name: app.kid, $0) }
        func denial(_ asker: RevokingSession) -> Denial? { store.cut(.subject, name: alice, for: asker) { _ in } }
        #expect(denial(RevokingSession(sid: one, isExempt: true)) == .session)
        #expect(denial(web) == .client && denial(app) == .key && store.counts.cuts == 2)
        #expect(denial(plain) == nil && store.denied(four, client: "app") == nil)
        _ = store.done { store.cut(.all, name: [], $0) }
        #expect(denial(plain) == .all)
        store.close()
    }

    @Test func `a cut that follows another has a greater value, whoever is exempted between them`() throws {
        let harness = Harness()
        let store = try harness.open()
        let alice = Array("alice".utf8)
        let mine = store.identifiers.next()
        for _ in 0..<3 {
            #expect(store.cut(.subject, name: alice, for: RevokingSession(sid: mine, isExempt: true)) { _ in } == nil)
            #expect(store.denied(mine) == nil)
        }
        _ = store.done { store.cut(.subject, name: alice, $0) }
        #expect(store.denied(mine) == .subject)
        store.close()
    }

    @Test func `identifiers go on above everything in the journal, though the clock went back`() throws {
        let harness = Harness()
        var store = try harness.open()
        _ = store.done { store.cut(.all, name: [], $0) }
        let before = store.identifiers.next()
        _ = store.rotated(before, 0)
        store.close()
        harness.set(harness.now.adding(milliseconds: -day))
        store = try harness.open()
        let after = store.identifiers.next()
        #expect(after > before)
        #expect(store.denied(after) == nil)
        store.close()
    }

    @Test func `an id from the far future does not move the identifiers`() throws {
        let harness = Harness()
        var store = try harness.open()
        _ = store.done {
            store.revokeSession(UUID(high: .max, low: 1), expiresAt: harness.now.adding(milliseconds: day), $0)
        }
        store.close()
        store = try harness.open()
        #expect(store.denied(UUID(high: .max, low: 1)) == .session)
        #expect(store.identifiers.next().milliseconds <= harness.now.adding(milliseconds: 1))
        store.close()
    }

    @Test func `what has expired is forgotten, and not before`() throws {
        let harness = Harness()
        let store = try harness.open()
        for minute in Int64(1)...65 {
            store.revokeToken(store.identifiers.next(), expiresAt: harness.now.adding(milliseconds: minute * 60_000)) {
                _ in
            }
        }
        _ = store.done {
            store.revokeSession(store.identifiers.next(), expiresAt: harness.now.adding(milliseconds: day), $0)
        }
        _ = store.done {
            store.cut(.subject, name: [1], for: RevokingSession(sid: store.identifiers.next(), isExempt: true), $0)
        }
        harness.purge(store)
        harness.advance(30 * 60_000)
        harness.purge(store)
        // Half of them have expired, but the clock was watched for half an hour only.
        #expect(store.counts.revokedTokens == 65)
        harness.advance(30 * 60_000)
        harness.purge(store)
        #expect((10..<16).contains(store.counts.revokedTokens))
        harness.advance(day)
        harness.purge(store)
        #expect(store.counts.revokedTokens == 0)
        #expect(store.counts.revokedSessions == 0)
        #expect(store.counts.cuts == 1)
        // Device tokens of the subject are valid for 180 days.
        harness.advance(178 * day)
        harness.purge(store)
        #expect(store.counts.cuts == 1)
        harness.advance(3 * day)
        harness.purge(store)
        #expect(store.counts.cuts == 0)
        store.close()
    }

    @Test func `a clock that jumps forward and back makes us forget nothing`() throws {
        let harness = Harness()
        var store = try harness.open()
        let jti = store.identifiers.next()
        let exp = harness.now.adding(milliseconds: 600_000)
        _ = store.done { store.revokeToken(jti, expiresAt: exp, $0) }
        let before = harness.now
        harness.set(before.adding(milliseconds: day))
        harness.purge(store)
        #expect(store.denied(nil, jti: jti, expiresAt: exp) == .token)
        // The same if the process starts while the clock is ahead.
        store.close()
        store = try harness.open()
        harness.set(before)
        #expect(store.denied(nil, jti: jti, expiresAt: exp) == .token)
        store.close()
    }

    @Test func `a start says what it found`() throws {
        let harness = Harness()
        var store = try harness.open()
        #expect(store.startReport.journal.recordCount == 0 && store.startReport.journal.isClean)
        _ = store.done {
            store.revokeToken(store.identifiers.next(), expiresAt: harness.now.adding(milliseconds: day), $0)
        }
        store.close()
        store = try harness.open()
        #expect(store.startReport.journal.recordCount == 3)
        #expect(store.startReport.counts.revokedTokens == 1)
        store.close()
    }

    @Test func `the name of a cut is hashed with its kind`() {
        // printf '\001alice' | sha256sum
        let expected = UUID(high: 0x395f_ced3_2ca1_9876, low: 0x6667_8d46_6cdf_9b8a)
        #expect(RevokeBeforeTable.key(.subject, "alice".utf8.span) == expected)
        #expect(RevokeBeforeTable.key(.client, "alice".utf8.span) != expected)
    }

    @Test func `random work equals a model, over many restarts`() throws {
        let harness = Harness()
        var store = try harness.open()
        var revoked: [(sid: UUID, subject: String)] = []
        var living: [(sid: UUID, subject: String)] = []
        for round in 0..<25 {
            for _ in 0..<20 {
                let subject = "user\(harness.random() % 5)"
                switch harness.random() % 4 {
                case 0, 1:
                    living.append((store.identifiers.next(), subject))
                case 2:
                    guard let victim = living.popLast() else { continue }
                    revoked.append(victim)
                    _ = store.done {
                        store.revokeSession(victim.sid, expiresAt: harness.now.adding(milliseconds: day), $0)
                    }
                default:
                    revoked += living.filter { $0.subject == subject }
                    living.removeAll { $0.subject == subject }
                    _ = store.done { store.cut(.subject, name: Array(subject.utf8), $0) }
                }
                harness.advance(Int64(harness.random() % 3))
            }
            #expect(living.allSatisfy { store.denied($0.sid, subject: $0.subject) == nil }, "round \(round)")
            #expect(revoked.allSatisfy { store.denied($0.sid, subject: $0.subject) != nil }, "round \(round)")
            store.close()
            store = try harness.open()
        }
        store.close()
    }
}
