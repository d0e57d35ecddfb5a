import Platform
@testable import Store
import StoreTestSupport
import TestForm
import Testing

@Suite("Random steps of three nodes over one engine")
struct NodesRunTests {
    private static let stepCount = TestForm.pick(quick: 300, normal: 2_000, full: 100_000)

    private func run(
        _ seed: UInt64, _ flaw: ModelFlaw? = nil, isMemoryFirst: Bool = false, count: Int = stepCount
    ) throws -> NodesRun {
        let clock = TestClock()
        let world = ModelWorld(clock.clock, flaw: flaw)
        let run = try NodesRun(world, clock, world: world, seed: seed, isMemoryFirst: isMemoryFirst)
        try run.run(count)
        return run
    }

    @Test(arguments: [UInt64(1), 2, 20_261_129])
    func `every node says the same, and no fault ends an honest session`(_ seed: UInt64) throws {
        let run = try run(seed)
        #expect(run.complaints.isEmpty, "seed \(seed): \(run.complaints)")
        for what in ["began", "rotated", "denied", "revoked", "compared", "fault", "restarted"] {
            #expect(run.counts[what] ?? 0 > 0, "seed \(seed): never \(what)")
        }
    }

    @Test(arguments: [ModelFlaw.noCheck, .unlockedSeq, .noCompare])
    func `a flaw in an engine is found by three nodes`(_ flaw: ModelFlaw) throws {
        let found = try (1...4).contains { try !run(UInt64($0), flaw, count: 400).complaints.isEmpty }
        #expect(found, "\(flaw) was not found")
    }

    @Test func `a node that decides from its own memory is found`() throws {
        let found = try (1...4).contains { try !run(UInt64($0), isMemoryFirst: true, count: 400).complaints.isEmpty }
        #expect(found)
    }
}
