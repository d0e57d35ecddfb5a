import Dispatch
import Encoding
import Journal
import Platform
@testable import Revocation
import Testing
import Tokens

@Suite("Refresh rotation with the journal (G3, G4, G5, G12)")
struct RotationTests {
    @Test func `a rotation is answered again, the same, before and after a restart`() throws {
        let harness = Harness()
        var store = try harness.open()
        let sid = store.identifiers.next()
        guard case .rotated(1, let at, _) = store.rotated(sid, 0) else {
            Issue.record("not rotated")
            return
        }
        harness.advance(3_000)
        for _ in 0..<2 {
            guard case .replayed(1, at, _) = store.rotated(sid, 0) else {
                Issue.record("not the same answer")
                return
            }
            store.close()
            store = try harness.open()
            #expect(store.counts.rotatedSessions == 1)
        }
        guard case .rotated(2, _, _) = store.rotated(sid, 1) else {
            Issue.record("the successor does not work")
            return
        }
        store.close()
    }

    @Test func `two hundred refreshes at once are one rotation`() throws {
        let harness = Harness()
        let store = try harness.open()
        let sid = store.identifiers.next()
        let outcomes = Collector<RotationOutcome>()
        DispatchQueue.concurrentPerform(iterations: 200) { _ in
            let request = RotationRequest(
                sid: sid, generation: 0, request: 1, sessionEnd: harness.now.adding(milliseconds: day))
            store.rotate(request, subject: Array("a".utf8), client: Array("c".utf8), kid: Array("k".utf8)) {
                outcomes.take($0)
            }
        }
        var winners = 0
        for outcome in outcomes.wait(for: 200) {
            switch outcome {
            case .rotated(1, harness.now, _): winners += 1
            case .replayed(1, harness.now, _): break
            default: Issue.record("\(outcome)")
            }
        }
        #expect(winners == 1)
        store.close()
        #expect(try harness.records().filter { $0.kind == .rotate }.count == 1)
    }

    @Test func `nobody is answered before the rotation is durable`() throws {
        let harness = Harness()
        let store = try harness.open()
        let sid = store.identifiers.next()
        let outcomes = Collector<RotationOutcome>()
        let request = RotationRequest(
            sid: sid, generation: 0, request: 1, sessionEnd: harness.now.adding(milliseconds: day))
        harness.disk.hold()
        for _ in 0..<5 {
            store.rotate(request, subject: Array("a".utf8), client: Array("c".utf8), kid: Array("k".utf8)) {
                outcomes.take($0)
            }
        }
        harness.disk.waiting.wait()
        #expect(outcomes.all.isEmpty)
        #expect(store.rotated(sid, 0, request: 2) == .mismatched)
        harness.disk.release()
        #expect(outcomes.wait(for: 5).count == 5)
        store.close()
    }

    @Test func `a rotation that cannot be written is unavailable for all who asked, and nothing has changed`() throws {
        let harness = Harness()
        let store = try harness.open()
        let sid = store.identifiers.next()
        let outcomes = Collector<RotationOutcome>()
        let request = RotationRequest(
            sid: sid, generation: 0, request: 1, sessionEnd: harness.now.adding(milliseconds: day))
        harness.disk.hold()
        for _ in 0..<3 {
            store.rotate(request, subject: Array("a".utf8), client: Array("c".utf8), kid: Array("k".utf8)) {
                outcomes.take($0)
            }
        }
        harness.disk.waiting.wait()
        harness.disk.fail()
        harness.disk.release()
        for outcome in outcomes.wait(for: 3) {
            guard case .unavailable(.unwritable) = outcome else {
                Issue.record("\(outcome)")
                return
            }
        }
        #expect(!store.isWritable)
        #expect(store.counts.rotatedSessions == 0)
        guard case .unavailable = store.rotated(sid, 0) else {
            Issue.record("a successor was promised without a journal")
            return
        }
        #expect(store.denied(sid) == nil)
        store.close()
    }

    @Test func `reuse ends the session for good`() throws {
        let harness = Harness()
        var store = try harness.open()
        let sid = store.identifiers.next()
        for generation in UInt32(0)..<3 { _ = store.rotated(sid, generation) }
        guard case .reused = store.rotated(sid, 0) else {
            Issue.record("reuse went unnoticed")
            return
        }
        for _ in 0..<2 {
            #expect(store.rotated(sid, 3) == .denied(.session))
            #expect(store.rotated(sid, 2) == .denied(.session))
            #expect(store.denied(sid) == .session)
            store.close()
            store = try harness.open()
        }
        store.close()
    }

    @Test func `a parent after the grace time is reuse, also across a restart`() throws {
        let harness = Harness()
        var store = try harness.open()
        let sid = store.identifiers.next()
        _ = store.rotated(sid, 0)
        store.close()
        harness.advance(10_001)
        store = try harness.open()
        guard case .reused = store.rotated(sid, 0) else {
            Issue.record("reuse went unnoticed")
            return
        }
        store.close()
    }

    @Test func `a revoked session is refused within the grace time`() throws {
        let harness = Harness()
        let store = try harness.open()
        let sid = store.identifiers.next()
        _ = store.rotated(sid, 0)
        _ = store.done { store.revokeSession(sid, expiresAt: harness.now.adding(milliseconds: day), $0) }
        #expect(store.rotated(sid, 0) == .denied(.session))
        store.close()
    }

    @Test(arguments: [RevokeBeforeKind.subject, .client, .key, .all])
    func `a cut session is refused within the grace time`(_ kind: RevokeBeforeKind) throws {
        let names: [RevokeBeforeKind: String] = [.subject: "alice", .client: "web", .key: "r1", .all: ""]
        let denials: [RevokeBeforeKind: Denial] = [.subject: .subject, .client: .client, .key: .key, .all: .all]
        let harness = Harness()
        let store = try harness.open()
        let sid = store.identifiers.next()
        _ = store.rotated(sid, 0)
        let name = Array(try #require(names[kind]).utf8)
        _ = store.done { store.cut(kind, name: name, $0) }
        #expect(store.rotated(sid, 0) == .denied(try #require(denials[kind])))
        store.close()
    }

    @Test func `a token from the future of the journal is told apart and changes nothing`() throws {
        let harness = Harness()
        let store = try harness.open()
        let sid = store.identifiers.next()
        #expect(store.rotated(sid, 3) == .ahead(known: 0))
        guard case .rotated(1, _, _) = store.rotated(sid, 0) else {
            Issue.record("the session died")
            return
        }
        store.close()
    }

    @Test func `the generation of a session is the latest that was answered`() throws {
        let harness = Harness()
        let store = try harness.open()
        let sid = store.identifiers.next()
        #expect(store.generation(of: sid) == 0)
        _ = store.rotated(sid, 0)
        _ = store.rotated(sid, 1)
        #expect(store.generation(of: sid) == 2)
        store.close()
    }

    @Test func `a rotated session is forgotten after its end`() throws {
        let harness = Harness()
        let store = try harness.open()
        _ = store.rotated(store.identifiers.next(), 0, end: harness.now.adding(milliseconds: day))
        harness.advance(day)
        harness.purge(store)
        #expect(store.counts.rotatedSessions == 1)
        harness.advance(TokenLimits.standard.purgeMargin)
        harness.purge(store)
        #expect(store.counts.rotatedSessions == 0)
        store.close()
    }
}
