import Foundation
import Platform
import StoreTestSupport
import TestForm
import Testing

@testable import Redis
@testable import Revocation
@testable import Store

@Suite(
    "Random steps over Redis", .serialized, .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct RedisConformanceTests {
    private static let stepCount = TestForm.pick(quick: 200, normal: 1_000, full: 100_000)

    private static func directory() -> String {
        NSTemporaryDirectory() + "redis-conformance-" + Foundation.UUID().uuidString
    }

    @Test(arguments: [UInt64(1), 20_261_129])
    func `a node over Redis behaves as a ledger, and as one over the model`(_ seed: UInt64) throws {
        let server = try RedisServer()
        let source = try EngineScene.source(server)
        let (path, modelPath) = (Self.directory(), Self.directory())
        defer {
            try? FileManager.default.removeItem(atPath: path)
            try? FileManager.default.removeItem(atPath: modelPath)
        }
        let run = try ConformanceRun(
            .store("Redis", { _ in source }, directory: path, usesClock: false), seed: seed)
        try run.run(Self.stepCount)
        #expect(run.complaints.isEmpty, "seed \(seed): \(run.complaints)")
        let model = try ConformanceRun(
            .store("model", { ModelWorld($0) }, directory: modelPath, usesClock: true), seed: seed)
        try model.run(Self.stepCount)
        #expect(run.verdicts == model.verdicts)
        for what in ["advanced", "stands", "rejected", "revoked", "cut"] {
            #expect(run.counts[what] ?? 0 > 0, "seed \(seed): never \(what)")
        }
        print("Redis, \(Self.stepCount) steps: \(run.counts.sorted { $0.key < $1.key })")
    }

    @Test(arguments: [UInt64(1), 7])
    func `three nodes over Redis say the same`(_ seed: UInt64) throws {
        let server = try RedisServer()
        let real = WallClock { UnixMilliseconds(Int64(Date().timeIntervalSince1970 * 1_000)) }
        let clock = TestClock(real.now)
        let run = try NodesRun(try EngineScene.source(server), clock, world: nil, seed: seed) { options in
            // Redis has a clock of its own.
            options.clock = real
        }
        try run.run(TestForm.pick(quick: 150, normal: 400, full: 100_000))
        #expect(run.complaints.isEmpty, "seed \(seed): \(run.complaints)")
        for what in ["began", "rotated", "revoked", "compared"] {
            #expect(run.counts[what] ?? 0 > 0, "seed \(seed): never \(what)")
        }
        print("Redis, three nodes: \(run.counts.sorted { $0.key < $1.key })")
    }
}
