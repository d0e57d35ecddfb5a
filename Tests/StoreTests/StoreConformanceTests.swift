import Encoding
import Foundation
import Platform
@testable import Revocation
@testable import Store
import StoreTestSupport
import TestForm
import Testing

@Suite("Random steps over the ledger of an engine")
struct StoreConformanceTests {
    private static let stepCount = TestForm.pick(quick: 1_000, normal: 4_000, full: 100_000)

    private static func run(_ flaw: ModelFlaw?, seed: UInt64, mayForget: Bool = true, count: Int) throws
        -> ConformanceRun
    {
        let path = NSTemporaryDirectory() + "store-conformance-" + Foundation.UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        let run = try ConformanceRun(
            .store(
                "model", { ModelWorld($0, flaw: flaw, mayForget: mayForget) }, directory: path, usesClock: true),
            seed: seed)
        try run.run(count)
        return run
    }

    @Test(arguments: [(UInt64(1), true), (20_261_129, false)])
    func `a node over the model of an engine behaves as a ledger`(_ seed: UInt64, _ mayForget: Bool) throws {
        let run = try Self.run(nil, seed: seed, mayForget: mayForget, count: Self.stepCount)
        #expect(run.complaints.isEmpty, "seed \(seed): \(run.complaints)")
        for what in ["advanced", "stands", "rejected", "revoked", "cut", "spared", "joined", "returned"] {
            #expect(run.counts[what] ?? 0 > 0, "seed \(seed): never \(what)")
        }
    }

    @Test(arguments: [ModelFlaw.noCheck, .noCompare])
    func `a flaw in an engine is found`(_ flaw: ModelFlaw) throws {
        let run = try Self.run(flaw, seed: 3, count: 500)
        #expect(!run.complaints.isEmpty, "\(flaw) was not found with seed 3")
    }
}
