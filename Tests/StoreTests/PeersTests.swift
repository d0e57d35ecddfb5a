import Encoding
import Journal
import Platform
@testable import Revocation
@testable import Store
import StoreTestSupport
import Testing

@Suite("Nodes of one engine")
struct PeersTests {
    let clock = TestClock()
    let world: ModelWorld

    init() { world = ModelWorld(clock.clock) }

    private func node(_ name: String, skew: Int64 = 0, _ change: @escaping (inout StoreOptions) -> Void = { _ in }) throws -> TestNode {
        let node = TestNode(name, world, clock, skew: skew)
        node.change = change
        try node.start()
        return node
    }

    private func settle(_ nodes: [TestNode]) {
        for _ in 0..<4 {
            clock.pass(1_000)
            for node in nodes { node.step() }
        }
    }

    @Test func `a second node with the name of a living one does not start`() throws {
        let a = try node("a")
        let other = TestNode("a", world, clock, seed: 1)
        #expect(throws: RevocationError.self) { try other.start() }
        // A restart of the same node is no second one.
        try a.start()
        #expect(a.status.conditions.isEmpty)
    }

    @Test func `a clock that is ahead warns, and one that is far ahead issues nothing`() throws {
        let a = try node("a", skew: 2_000)
        #expect(a.seen.contains(.clockOffset(milliseconds: 2_000)))
        #expect(a.store.takesEverything)
        let b = try node("b", skew: -6_000)
        #expect(b.status.holds(.clockOff) && b.status.figures.clockOffset == -6_000)
        #expect(!b.store.takesEverything && b.store.isWritable)
        #expect(b.login() == nil)
        let sid = try #require(a.login())
        #expect(throws: Never.self) { try #require(b.revoke(sid)).get() }
    }

    @Test func `other settings count at once, and other keys once they have had time to spread`() throws {
        let a = try node("a") { $0.keySpread = 5_000 }
        let b = try node("b") {
            $0.node.settingsHash = "other"
            $0.node.keyHash = { "other" }
        }
        settle([a, b])
        #expect(a.status.holds(.settingsDiffer) && !a.status.holds(.keysDiffer))
        settle([a, b])
        #expect(a.status.holds(.keysDiffer))
        #expect(Set(a.ledger.nodes.map(\.name)) == ["a", "b"])
    }

    @Test(arguments: StoreOptions.Durability.allCases)
    func `settings that lose records are rejected, or accepted and said`(_ rule: StoreOptions.Durability) throws {
        world.change { $0.flaws = [DurabilityFlaw(setting: "appendfsync", value: "everysec", remedy: "Set it to always.")] }
        let a = try node("a") { $0.durability = rule }
        #expect(a.status.holds(.durability) == (rule != .relaxed))
        #expect((a.login() == nil) == (rule != .relaxed))
        if rule == .relaxed { #expect(a.status.acceptedFlaws == ["appendfsync everysec"]) }
        world.change { $0.flaws = [] }
        settle([a])
        #expect(a.status.conditions.isEmpty)
    }

    @Test func `settings that cannot be read are bad if strict, and good if trusted`() throws {
        world.change { $0.isReadable = false }
        #expect(try node("a").status.holds(.durability))
        #expect(try node("b") { $0.durability = .trusted }.status.conditions.isEmpty)
    }
}
