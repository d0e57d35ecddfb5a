import Foundation
import Revocation
import Testing

@testable import Redis
@testable import Store

@Suite("Reports of nodes", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct NodeReportTests {
    @Test func `each node sees the reports of all`() throws {
        let scene = try EngineScene()
        let other = try scene.another()
        _ = try scene.exchange(name: "a")
        let status = try scene.exchange(name: "b", instance: 2, by: other)
        #expect(status.nodes.map(\.name) == ["a", "b"] && !status.isNameTaken)
        let report = try #require(status.nodes.first)
        #expect(report.instance == 1 && report.version == "1.2" && report.position == LedgerPosition(epoch: 1, seq: 3))
        #expect(report.age == 5 && report.clockOffset == -7 && report.keyHash == "ab" && report.settingsHash == "cd")
        #expect(abs(report.time.milliseconds(since: status.now)) < 10_000)
        #expect(status.head == scene.head)
        #expect(try scene.engine.status(by: soon).nodes == status.nodes)
    }

    @Test func `a second node of the same name is found, and may have the name when the first is gone`() throws {
        let scene = try EngineScene()
        _ = try scene.exchange(name: "a")
        let taken = try scene.exchange(name: "a", instance: 2)
        #expect(taken.isNameTaken && taken.nodes.map(\.instance) == [1])
        #expect(try scene.exchange(name: "a").isNameTaken == false)
        _ = try scene.server.ask("HSET", "{martlet}:nodes", "a", "1000 1 x\t1:1\t0\t0\t\t")
        #expect(try scene.exchange(name: "a", instance: 2).nodes.map(\.instance) == [2])
    }

    @Test func `old reports are removed, and reports of another form are ignored`() throws {
        let scene = try EngineScene()
        _ = try scene.server.ask("HSET", "{martlet}:nodes", "old", "1000 1 x\t1:1\t0\t0\t\t", "odd", "nonsense")
        #expect(try scene.exchange(name: "a").nodes.map(\.name) == ["a"])
        #expect(try scene.server.ask("HLEN", "{martlet}:nodes") == ":1")
    }

    @Test func `an engine without anything lists nothing`() throws {
        let server = try RedisServer()
        let engine = try EngineScene.source(server).engine()
        _ = try engine.connect(by: soon)
        let status = try engine.status(by: soon)
        #expect(status.nodes.isEmpty && status.head == nil && !status.isNameTaken)
    }
}
