import Encoding
import Journal
import Platform
@testable import Revocation
@testable import Store
import StoreTestSupport
import TestForm
import Testing

@Suite("A new epoch of an engine")
struct EngineEpochTests {
    let clock: TestClock
    let world: ModelWorld
    let a: TestNode
    let b: TestNode

    init() throws { try self.init(flaw: nil) }

    private init(flaw: ModelFlaw?) throws {
        clock = TestClock()
        world = ModelWorld(clock.clock, flaw: flaw)
        a = TestNode("a", world, clock)
        b = TestNode("b", world, clock)
        try a.start()
        try b.start()
    }

    private func settle(_ nodes: [TestNode]? = nil) {
        for _ in 0..<12 {
            clock.pass(400)
            for node in nodes ?? [a, b] { node.step() }
        }
    }

    @Test func `a restarted engine begins an epoch, and nothing is told or read again`() throws {
        let sid = try #require(a.login())
        _ = try #require(a.revoke(sid)).get()
        settle()
        let count = world.logCount
        world.restart()
        settle()
        #expect(world.position == LedgerPosition(epoch: 2, seq: 2 << 20 - 1))
        #expect(a.store.position == world.position && b.store.position == world.position)
        #expect(world.logCount == count && world.loadCount == 0)
        #expect(a.status.conditions.isEmpty && b.status.conditions.isEmpty)
        #expect(a.status.figures.epoch == 2)
        let next = try #require(b.login())
        settle()
        #expect(a.store.position == LedgerPosition(epoch: 2, seq: 2 << 20))
        #expect(b.rotate(next, 0) != nil)
        // A position of the epoch that ended is known, and one behind its end is not.
        #expect(a.ledger.knows(LedgerPosition(epoch: 1, seq: 2)))
        #expect(!a.ledger.knows(LedgerPosition(epoch: 1, seq: 3)))
    }

    @Test(arguments: 1...5) func `a node that was away follows through epochs without a record`(_ count: Int) throws {
        let sid = try #require(a.login())
        settle()
        for _ in 0..<count {
            world.restart()
            settle([a])
        }
        _ = try #require(a.revoke(sid)).get()
        for _ in 0..<3 { _ = try #require(a.login()) }
        settle()
        #expect(b.status.conditions.isEmpty && b.denies(sid))
        #expect(b.store.position == world.position && a.store.position == world.position)
    }

    @Test func `a failover that loses the end of the log is told it again, by a node that only heard of it`() throws {
        let (kept, ended) = (try #require(a.login()), try #require(a.login()))
        settle()
        world.change { $0.reportsSafeSeq = false }
        _ = try #require(a.revoke(ended)).get()
        guard case .rotated(1, let at, _) = a.rotate(kept, 0) else { return #expect(Bool(false)) }
        b.step()
        world.failOver(losing: 2)
        #expect(!world.isRevoked(ended) && world.generation(of: kept) == 0)
        // The node that had answered is gone.
        try a.kill()
        settle([b])
        #expect(world.isRevoked(ended) && world.generation(of: kept) == 1)
        #expect(b.seen.contains { if case .told(_, 0) = $0 { true } else { false } })
        try a.start()
        settle()
        #expect(a.denies(ended) && a.store.generation(of: kept) == 1)
        #expect(a.store.position == b.store.position)
        // Told by both, it is no fork, and the retry of the client gets its answer.
        #expect(!world.isRevoked(kept))
        guard case .replayed(1, at, _) = b.rotate(kept, 0) else { return #expect(Bool(false)) }
    }

    @Test func `an empty engine gets everything that lives`() throws {
        var ended: [Encoding.UUID] = []
        for _ in 0..<5 {
            let sid = try #require(a.login())
            _ = try #require(a.revoke(sid)).get()
            ended.append(sid)
        }
        let alive = try #require(a.login())
        _ = a.rotate(alive, 0)
        _ = try #require(b.cut("bob")).get()
        settle()
        world.empty()
        settle()
        #expect(ended.allSatisfy { world.isRevoked($0) && a.denies($0) && b.denies($0) })
        #expect(world.generation(of: alive) == 1)
        guard case .rotated(2, _, _) = b.rotate(alive, 1) else { return #expect(Bool(false)) }
        settle()
        let c = TestNode("c", world, clock)
        try c.start()
        #expect(ended.allSatisfy { c.denies($0) })
        #expect(c.denies(try #require(a.login()), birth: 1, subject: "bob"))
    }

    @Test(arguments: [true, false], [3, 60])
    func `an old backup that a newcomer wrote first is told what it lacks`(keepsIdentity: Bool, written: Int) throws {
        let early = try #require(a.login())
        settle()
        let backup = world.backup()
        world.breakConnections()
        if !keepsIdentity { world.restart() }
        settle()
        var ended: [Encoding.UUID] = []
        for _ in 0..<10 {
            let sid = try #require(a.login())
            _ = try #require(b.revoke(sid)).get()
            ended.append(sid)
        }
        _ = b.rotate(early, 0)
        _ = a.rotate(early, 1)
        settle()
        try a.kill()
        try b.kill()
        world.restore(backup, keepsIdentity: keepsIdentity)
        let c = TestNode("c", world, clock)
        try c.start()
        for _ in 0..<written {
            let sid = try #require(c.login())
            _ = try #require(c.revoke(sid)).get()
        }
        #expect(!world.isRevoked(ended[0]))
        let last = try #require(c.login())
        _ = try #require(c.revoke(last)).get()
        clock.pass(6_000)
        try a.start()
        try b.start()
        settle([a, b, c])
        for node in [a, b, c] {
            #expect(ended.allSatisfy { node.denies($0) } && node.denies(last))
            #expect(node.store.position == world.position && node.status.conditions.isEmpty)
        }
        #expect(ended.allSatisfy(world.isRevoked) && world.generation(of: early) == 2 && !world.isRevoked(early))
        // It is over: a restart neither begins an epoch nor reads everything again.
        let (position, loads) = (world.position, world.loadCount)
        try a.kill()
        clock.pass(6_000)
        try a.start()
        settle([a, b, c])
        #expect(world.position == position && world.loadCount == loads)
    }

    @Test(arguments: [true, false])
    func `a node that was away for longer than the log goes back tells what an old backup lacks`(
        keepsIdentity: Bool
    ) throws {
        let early = try #require(a.login())
        settle()
        let backup = world.backup()
        var ended: [Encoding.UUID] = []
        for _ in 0..<5 {
            let sid = try #require(a.login())
            _ = try #require(a.revoke(sid)).get()
            ended.append(sid)
        }
        _ = a.rotate(early, 0)
        settle()
        try a.kill()
        try b.kill()
        world.restore(backup, keepsIdentity: keepsIdentity)
        let c = TestNode("c", world, clock)
        try c.start()
        // The engine goes beyond what the nodes had, and its log does not go back so far.
        for _ in 0..<40 { _ = c.login() }
        let last = try #require(c.login())
        _ = try #require(c.revoke(last)).get()
        world.trimLog()
        clock.pass(6_000)
        try a.start()
        settle([a, c])
        for node in [a, c] {
            #expect(ended.allSatisfy { node.denies($0) })
            #expect(node.store.position == world.position && node.status.conditions.isEmpty)
        }
        #expect(ended.allSatisfy(world.isRevoked) && world.generation(of: early) == 1 && !world.isRevoked(early))
        // It is told once.
        let count = world.logCount
        world.breakConnections()
        settle([a, c])
        #expect(world.logCount == count)
    }

    /// A thief uses a token whose use the new primary has forgotten, before the node that knows it is back.
    private func steal() throws -> Encoding.UUID {
        let sid = try #require(a.login())
        settle()
        _ = a.rotate(sid, 0)
        world.failOver(losing: 1)
        try a.kill()
        // This node has not heard of the rotation.
        settle([b])
        clock.pass(20)
        guard case .rotated(1, _, _) = b.rotate(sid, 0) else {
            Issue.record("the thief got nothing")
            return sid
        }
        try a.start()
        settle()
        return sid
    }

    @Test func `a fork ends the session`() throws {
        let sid = try steal()
        #expect(world.isRevoked(sid) && a.denies(sid) && b.denies(sid))
        #expect(a.status.figures.forks == 1)
    }

    @Test func `a merge without forks is found`() throws {
        let flawed = try EngineEpochTests(flaw: .noForks)
        let sid = try flawed.steal()
        #expect(!flawed.world.isRevoked(sid), "the mutant would not be found")
    }

    @Test func `a token that is ahead of a new primary keeps its session until the node is back that knows it`() throws
    {
        let sid = try #require(a.login())
        settle()
        _ = a.rotate(sid, 0)
        world.failOver(losing: 1)
        settle([b])
        guard case .unavailable(.unavailable) = b.rotate(sid, 1) else { return #expect(Bool(false)) }
        settle()
        guard case .rotated(2, _, _) = b.rotate(sid, 1) else { return #expect(Bool(false)) }
        // Much later, such a token is from nowhere.
        clock.pass(60_000)
        #expect(b.rotate(sid, 7) == .ahead(known: 2))
    }

    @Test func `a node whose log was trimmed reads everything again, and forgets nothing`() throws {
        let (first, second) = (try #require(a.login()), try #require(a.login()))
        _ = try #require(b.revoke(first)).get()
        try b.kill()
        for _ in 0..<5 { _ = a.login() }
        _ = try #require(a.revoke(second)).get()
        world.forget(first)
        world.trimLog()
        try b.start()
        settle()
        #expect(world.loadCount > 0)
        #expect(b.denies(first) && b.denies(second))
        #expect(b.store.position == world.position)
        try b.kill()
        world.stop()
        try b.start()
        #expect(b.denies(first) && b.denies(second))
    }

    @Test func `damage in the log is never skipped`() throws {
        let sid = try #require(a.login())
        let other = try #require(b.login())
        settle()
        world.change {
            $0.damage = { records in
                records.map {
                    JournalRecord(.init(rawValue: 60), key: $0.key, expires: $0.expires).placed(
                        seq: $0.seq, time: $0.time)
                }
            }
        }
        // What a node recorded itself it has from the answer; the other one has only the log.
        _ = try #require(b.revoke(other)).get()
        let before = a.store.position
        settle()
        #expect(a.store.position == before)
        #expect(a.status.holds(.damaged) && !a.store.isWritable)
        guard case .failure(.unavailable) = a.revoke(sid) else { return #expect(Bool(false)) }
        #expect(a.denies(sid))
    }

    @Test func `a gap in the log is never skipped`() throws {
        settle()
        world.change { $0.damage = { Array($0.dropFirst()) } }
        _ = a.login()
        _ = a.login()
        settle()
        #expect(b.status.holds(.damaged))
    }
}
