import Encoding
import Journal
import Platform
@testable import Revocation
@testable import Store
import StoreTestSupport
import Testing

@Suite("A node over an engine")
struct StoreLedgerTests {
    let clock = TestClock()
    let world: ModelWorld

    init() { world = ModelWorld(clock.clock) }

    private func node(_ name: String, skew: Int64 = 0, _ change: @escaping (inout StoreOptions) -> Void = { _ in }) throws -> TestNode {
        let node = TestNode(name, world, clock, skew: skew)
        node.change = change
        try node.start()
        return node
    }

    @Test func `a node begins the first epoch, and another one joins it`() throws {
        let a = try node("a")
        #expect(world.position == LedgerPosition(epoch: 1, seq: 0))
        let sid = try #require(a.login())
        #expect(a.rotate(sid, 0) == .rotated(generation: 1, at: clock.wall, seq: 2))
        let b = try node("b")
        #expect(b.store.position == LedgerPosition(epoch: 1, seq: 2))
        #expect(b.store.generation(of: sid) == 1)
        #expect(b.store.isShared && b.store.takesEverything)
        #expect(b.status.conditions.isEmpty)
    }

    @Test func `what a node has acknowledged is in its own copy, with an engine that may forget`() throws {
        let a = try node("a")
        let sid = try #require(a.login())
        _ = try #require(a.revoke(sid)).get()
        world.stop()
        try a.kill()
        try a.start()
        #expect(a.denies(sid))
        #expect(a.status.holds(.unavailable))
        #expect(a.store.position == LedgerPosition(epoch: 1, seq: 2))
    }

    @Test func `a node that starts while the engine is away says how old its knowledge is`() throws {
        let a = try node("a")
        _ = a.login()
        clock.pass(2_000)
        a.step()
        world.stop()
        clock.pass(7_000)
        try a.start()
        #expect(a.status.knowledge.age == 7_000)
        let fresh = TestNode("b", world, clock)
        try fresh.start()
        #expect(fresh.status.knowledge.age == nil)
        #expect(fresh.status.knowledge.rejectsAll)
    }

    @Test func `the first of two nodes rotates, and the other one gets the same response`() throws {
        let (a, b) = (try node("a"), try node("b", skew: 3_000))
        let sid = try #require(a.login())
        let first = a.rotate(sid, 0)
        // The second node has not read the log since.
        #expect(b.store.generation(of: sid) == 0)
        guard case .rotated(1, let at, _) = first else { return #expect(Bool(false), "\(String(describing: first))") }
        let second = b.rotate(sid, 0)
        guard case .replayed(1, at, _) = second else { return #expect(Bool(false), "\(String(describing: second))") }
        #expect(b.rotate(sid, 0, request: 2) == .mismatched)
    }

    @Test func `a token of a generation that this node has not seen is no token from the future`() throws {
        let (a, b) = (try node("a"), try node("b"))
        let sid = try #require(a.login())
        for generation in UInt32(0)..<3 { _ = a.rotate(sid, generation) }
        let outcome = b.rotate(sid, 3)
        guard case .rotated(4, _, _) = outcome else { return #expect(Bool(false), "\(String(describing: outcome))") }
    }

    @Test func `the newest token gets its response again for a while where tabs share it`() throws {
        let (a, b) = (try node("a"), try node("b"))
        let sid = try #require(a.login())
        _ = a.rotate(sid, 0)
        let outcome = b.rotate(sid, 1, repeatTime: 5_000)
        guard case .replayed(1, _, _) = outcome else { return #expect(Bool(false), "\(String(describing: outcome))") }
        clock.pass(6_000)
        let later = b.rotate(sid, 1, repeatTime: 5_000)
        guard case .rotated(2, _, _) = later else { return #expect(Bool(false), "\(String(describing: later))") }
    }

    @Test func `many requests with one token ask the engine once`() throws {
        let a = try node("a")
        let sid = try #require(a.login())
        let before = world.commitCount
        let outcomes = Answers<RotationOutcome>()
        for _ in 0..<64 {
            let request = RotationRequest(sid: sid, generation: 0, request: 1, sessionEnd: clock.wall.adding(milliseconds: 1_000_000))
            a.store.rotate(request, subject: [1], client: [2], kid: [3]) { outcomes.take($0) }
        }
        for _ in 0..<4 { a.step() }
        #expect(outcomes.all.count == 64)
        #expect(outcomes.all.filter { if case .rotated(1, _, _) = $0 { true } else { false } }.count == 1)
        #expect(outcomes.all.filter { if case .replayed(1, _, _) = $0 { true } else { false } }.count == 63)
        #expect(world.commitCount == before + 1)
    }

    @Test func `a session that was revoked on another node is not rotated`() throws {
        let (a, b) = (try node("a"), try node("b"))
        let sid = try #require(a.login())
        _ = try #require(a.revoke(sid)).get()
        #expect(!b.denies(sid))
        #expect(b.rotate(sid, 0) == .denied(.session))
    }

    @Test func `what memory rejects is rejected although somebody deleted it in the engine`() throws {
        let a = try node("a")
        let sid = try #require(a.login())
        _ = try #require(a.revoke(sid)).get()
        world.forget(sid)
        let before = world.commitCount
        #expect(a.rotate(sid, 0) == .denied(.session))
        #expect(world.commitCount == before)
        try a.start()
        #expect(a.denies(sid))
    }

    @Test func `a cut of one node ends sessions on the others by the number that they knew`() throws {
        let (a, b) = (try node("a", skew: -3_000), try node("b", skew: 3_000))
        let before = try #require(a.login())
        let birth = a.store.sequence
        b.step()
        _ = try #require(b.cut("alice")).get()
        a.step()
        #expect(a.denies(before, birth: birth))
        let after = try #require(a.login())
        #expect(!a.denies(after, birth: a.store.sequence - 1))
        #expect(a.rotate(before, 0, birth: birth) == .denied(.subject))
    }
}
