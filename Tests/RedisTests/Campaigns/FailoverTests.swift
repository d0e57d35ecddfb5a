import Foundation
import Glibc
import Journal
import Platform
import StoreTestSupport
import Testing

@testable import Redis
@testable import Revocation
@testable import Store

@Suite(
    "A failover that loses records", .serialized,
    .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct FailoverTests {
    /// Two nodes over a primary with one replica, and what stands between them.
    private final class Scene {
        let primary: RedisServer
        let replica: RedisServer
        let proxy: TamperingProxy
        let clock: TestClock
        let a: TestNode
        let b: TestNode

        init() throws {
            primary = try RedisServer()
            replica = try RedisServer(["--replicaof", "127.0.0.1 \(primary.port)"])
            let (port, other) = (primary.port, replica)
            try eventually { try RawClient(port: port).ask("INFO", "replication").contains("state=online") }
            try eventually { try other.ask("INFO", "replication").contains("master_link_status:up") }
            proxy = TamperingProxy(to: primary.port)
            let real = WallClock { UnixMilliseconds(Int64(Date().timeIntervalSince1970 * 1_000)) }
            clock = TestClock(real.now)
            let source = try EngineScene.source("redis://127.0.0.1:\(proxy.port)")
            a = TestNode("a", source, clock)
            b = TestNode("b", source, clock)
            for node in [a, b] {
                node.change = { $0.clock = real }
                try node.start()
            }
        }

        func settle(_ nodes: TestNode...) {
            for _ in 0..<10 {
                clock.pass(700)
                for node in nodes { node.step() }
            }
        }

        /// The replica gets nothing more.
        func cutOff() throws { _ = try replica.ask("REPLICAOF", "NO", "ONE") }

        func failOver() {
            primary.kill()
            proxy.retarget(to: replica.port)
        }

        func engine(on server: RedisServer) throws -> RedisEngine {
            let engine = try #require(try EngineScene.source(server).engine() as? RedisEngine)
            _ = try engine.connect(by: soon)
            return engine
        }
    }

    @Test func `what the replica lacks is told by a node that heard of it, also when the one that answered is gone`()
        throws
    {
        let scene = try Scene()
        let rotating = try #require(scene.a.login())
        _ = scene.a.rotate(rotating, 0)
        scene.settle(scene.a, scene.b)
        try eventually { try scene.replica.ask("EXISTS", "{martlet}:s:\(rotating)") == ":1" }
        try scene.cutOff()
        var revokedSessions = [try #require(scene.a.login())]
        guard case .success = scene.a.revoke(revokedSessions[0]) else { return #expect(Bool(false)) }
        for _ in 0..<60 {
            let sid = try #require(scene.a.login())
            guard case .success = scene.a.revoke(sid) else {
                Issue.record("a revocation was not acknowledged")
                continue
            }
            revokedSessions.append(sid)
        }
        guard case .rotated(2, _, _) = scene.a.rotate(rotating, 1) else {
            Issue.record("no rotation")
            return
        }
        guard case .success = scene.a.cut("bob") else {
            Issue.record("no revoke-before time")
            return
        }
        scene.settle(scene.b)
        try scene.a.kill()
        #expect(try scene.replica.ask("EXISTS", "{martlet}:d:\(revokedSessions[0])") == ":0")
        scene.failOver()
        scene.settle(scene.b)
        let missing = try revokedSessions.filter { try scene.replica.ask("EXISTS", "{martlet}:d:\($0)") != ":1" }
        print(
            "failover: \(revokedSessions.count) acknowledged revocations lost by Redis, \(missing.count) after the merge"
        )
        #expect(missing.isEmpty)
        #expect(scene.b.status.figures.forks == 0 && scene.b.status.conditions.isEmpty)
        // The rotation that was lost is known, with its time, and the session goes on.
        guard case .rotated(3, _, _) = scene.b.rotate(rotating, 2) else {
            Issue.record("an honest session does not go on")
            return
        }
        var cuts = 0
        _ = try scene.engine(on: scene.replica).load(by: soon) { cuts += $0.count { $0.kind == .cut } }
        #expect(cuts == 1)
    }

    @Test func `a token that a thief used on the new primary ends the session when both meet`() throws {
        let scene = try Scene()
        let sid = try #require(scene.a.login())
        _ = scene.a.rotate(sid, 0)
        scene.settle(scene.a, scene.b)
        try eventually { try scene.replica.ask("EXISTS", "{martlet}:s:\(sid)") == ":1" }
        try scene.cutOff()
        guard case .rotated(2, _, _) = scene.a.rotate(sid, 1) else {
            Issue.record("no rotation")
            return
        }
        scene.settle(scene.b)
        // A node without a copy begins the epoch, and the thief presents the token that was used already.
        let thief = try scene.engine(on: scene.replica)
        let report = try thief.connect(by: soon)
        let head = try #require(report.head)
        _ = try thief.begin(
            epoch: head.position.epoch + 1, at: (head.position.seq >> 20 + 2) << 20, expecting: head,
            identity: report.identity, by: soon)
        let stolen = StoreAdvance(
            sid: sid, generation: 1, request: 1, sessionEnd: later, guardian: guardian(sid, birth: nil),
            isRepeated: false)
        #expect(try thief.commit([.advance(stolen)], epoch: head.position.epoch + 1, by: soon).first?.stamp != nil)
        scene.failOver()
        scene.settle(scene.b, scene.a)
        #expect(scene.b.denies(sid) && scene.a.denies(sid))
        #expect(scene.b.status.figures.forks + scene.a.status.figures.forks == 1)
        #expect(try scene.replica.ask("EXISTS", "{martlet}:d:\(sid)") == ":1")
    }

    @Test func `FLUSHALL brings nobody back`() throws {
        let scene = try Scene()
        let ended = try #require(scene.a.login())
        let living = try #require(scene.a.login())
        _ = scene.a.rotate(living, 0)
        _ = scene.a.revoke(ended)
        scene.settle(scene.a, scene.b)
        _ = try scene.primary.ask("FLUSHALL")
        scene.settle(scene.b, scene.a)
        #expect(scene.a.denies(ended) && scene.b.denies(ended))
        #expect(try scene.primary.ask("EXISTS", "{martlet}:d:\(ended)") == ":1")
        guard case .rotated(2, _, _) = scene.b.rotate(living, 1) else {
            Issue.record("an honest session does not go on")
            return
        }
    }
}

/// Waits until something is true.
func eventually(seconds: Double = 20, _ condition: () throws -> Bool) throws {
    let end = Date().addingTimeInterval(seconds)
    while Date() < end {
        if try condition() { return }
        usleep(20_000)
    }
    Issue.record("it did not happen")
}
