import Encoding
import Journal
import Platform
@testable import Revocation
@testable import Store
import StoreTestSupport
import Testing

@Suite("The records of a node itself")
struct OwnRecordsTests {
    let clock = TestClock()

    private func read(_ node: TestNode) throws -> [JournalRecord] {
        var records: [JournalRecord] = []
        try node.ledger.read(upTo: node.ledger.storedSeq) { _ in
        } batch: {
            records += $0
        }
        return records.filter { $0.kind != .epoch }
    }

    @Test(arguments: [true, false])
    func `a caller is answered without the log, and the copy has the record`(mayForget: Bool) throws {
        let world = ModelWorld(clock.clock, mayForget: mayForget)
        let a = TestNode("a", world, clock)
        try a.start()
        world.change { $0.damage = { _ in [] } }
        let sid = try #require(a.login())
        let other = try #require(a.login())
        #expect(a.rotate(sid, 0) != nil)
        _ = try #require(a.revoke(other)).get()
        #expect(a.store.generation(of: sid) == 1 && a.denies(other))
        #expect(try read(a).map(\.seq) == Array(1...a.store.position.seq))
        world.stop()
        try a.kill()
        try a.start()
        #expect(a.store.generation(of: sid) == 1 && a.denies(other))
    }

    @Test(arguments: [true, false])
    func `they are the same as in the log`(mayForget: Bool) throws {
        let world = ModelWorld(clock.clock, mayForget: mayForget)
        let (a, b) = (TestNode("a", world, clock), TestNode("b", world, clock))
        try a.start()
        try b.start()
        for round in 0..<20 {
            let node = round % 3 == 2 ? b : a
            let sid = try #require(node.login())
            for generation in UInt32(0)..<3 { _ = node.rotate(sid, generation) }
            _ = node.revoke(sid)
            clock.pass(Int64(round))
        }
        for _ in 0..<4 {
            clock.pass(10)
            a.step()
            b.step()
        }
        let records = try read(a)
        #expect(records.count == world.logCount)
        // The second node has from the log what the first one recorded, and the other way round.
        #expect(try read(b) == records)
    }

    @Test func `what lies between them comes from the log`() throws {
        let world = ModelWorld(clock.clock)
        let (a, b) = (TestNode("a", world, clock), TestNode("b", world, clock))
        try a.start()
        try b.start()
        let sid = try #require(a.login())
        // The first node has not read that.
        _ = try #require(b.revoke(sid)).get()
        let other = try #require(a.login())
        #expect(a.rotate(other, 0) != nil)
        #expect(a.denies(sid))
    }
}
