import Platform
@testable import Store
import StoreTestSupport
import TestForm
import Testing

@Suite("Random steps of three nodes over one engine")
struct NodesRunTests {
    private static let stepCount = TestForm.pick(quick: 300, normal: 2_000, full: 10_000)
    /// The long form takes 100,000 steps.
    private static let seeds: [UInt64] = TestForm.pick(
        quick: [1, 2, 20_261_129], normal: [1, 2, 20_261_129], full: Array(1...9) + [20_261_129])

    private func run(
        _ seed: UInt64, _ flaw: ModelFlaw? = nil, isMemoryFirst: Bool = false, count: Int = stepCount
    ) throws -> NodesRun {
        let clock = TestClock()
        let world = ModelWorld(clock.clock, flaw: flaw)
        let run = try NodesRun(world, clock, world: world, seed: seed, isMemoryFirst: isMemoryFirst)
        try run.run(count)
        return run
    }

    @Test(arguments: seeds)
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

@Suite("Many seeds of three nodes", .enabled(if: TestForm.current == .full))
struct ManySeedsTests {
    @Test(arguments: 100..<140) func `no seed finds a difference`(_ seed: Int) throws {
        let clock = TestClock()
        let world = ModelWorld(clock.clock, mayForget: seed % 2 == 0)
        let run = try NodesRun(world, clock, world: world, seed: UInt64(seed))
        try run.run(600)
        #expect(run.complaints.isEmpty, "seed \(seed): \(run.complaints)")
    }
}
