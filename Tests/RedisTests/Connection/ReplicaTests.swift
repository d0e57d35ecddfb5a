import Foundation
import Glibc
import OpenSSL
import Platform
import Revocation
import Testing

@testable import Redis
@testable import Store

@Suite("Replicas, Sentinels and TLS", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct ReplicaTests {
    private func replica(of server: RedisServer) throws -> RedisServer {
        let replica = try RedisServer(["--replicaof", "127.0.0.1 \(server.port)", "--repl-ping-replica-period", "1"])
        try eventually { try replica.ask("INFO", "replication").contains("master_link_status:up") }
        try eventually { try server.ask("INFO", "replication").contains("state=online") }
        return replica
    }

    @Test func `a batch that a replica does not have is not confirmed`() throws {
        let scene = try EngineScene()
        let first = try EngineScene.source(scene.server, replicas: 1)
        let engine = try #require(try first.engine() as? RedisEngine)
        #expect(try engine.connect(by: soon).flaws.map(\.setting) == ["replicas"])
        let replica = try replica(of: scene.server)
        let report = try engine.connect(by: soon)
        #expect(report.flaws.isEmpty && report.replicaCount == 1)
        #expect(try engine.commit([.append([revoked(id(1))])], epoch: 1, by: soon).first?.stamp != nil)
        #expect(try replica.ask("EXISTS", "{martlet}:d:\(id(1))") == ":1")
        replica.signal(SIGSTOP)
        defer { replica.signal(SIGCONT) }
        let steps = [StoreStep.append([revoked(id(2))]), advance(id(1), from: 0)]
        #expect(
            try engine.commit(steps, epoch: 1, by: .after(milliseconds: 600)) == [.unconfirmed, .unconfirmed])
    }

    @Test func `what all replicas have is known`() throws {
        let scene = try EngineScene()
        #expect(try scene.exchange(name: "a").safeSeq == 0)
        _ = try scene.commit(.append([revoked(id(1))]))
        #expect(try scene.exchange(name: "a").safeSeq == 1)
        let replica = try replica(of: scene.server)
        try eventually { try scene.exchange(name: "a").safeSeq == 1 }
        _ = try scene.commit(.append([revoked(id(2))]))
        try eventually { try scene.exchange(name: "a").safeSeq == 2 }
        replica.kill()
        try eventually { try scene.server.ask("INFO", "replication").contains("connected_slaves:0") }
        _ = try scene.commit(.append([revoked(id(3))]))
        #expect(try scene.exchange(name: "a").safeSeq == 2)
    }

    @Test func `a Sentinel names the primary, also after a failover`() throws {
        let scene = try EngineScene()
        let replica = try replica(of: scene.server)
        let sentinel = try RedisServer(
            sentinel: """
                sentinel monitor main 127.0.0.1 \(scene.server.port) 1
                sentinel down-after-milliseconds main 400
                sentinel failover-timeout main 3000
                """)
        let source = try EngineScene.source("redis+sentinel://127.0.0.1:1,127.0.0.1:\(sentinel.port)/main")
        let engine = try #require(try source.engine() as? RedisEngine)
        let first = try engine.connect(by: soon)
        #expect(first.identity == scene.head.identity && first.head == scene.head)
        _ = try engine.commit([.append([revoked(id(1))])], epoch: 1, by: soon)
        try eventually { try sentinel.ask("SENTINEL", "replicas", "main").contains(String(replica.port)) }
        try eventually { try replica.ask("EXISTS", "{martlet}:d:\(id(1))") == ":1" }
        scene.server.kill()
        let began = Date()
        var second: EngineReport?
        try eventually(seconds: 30) {
            second = try? engine.connect(by: .after(milliseconds: 500))
            return second != nil
        }
        print("Sentinel: writable again after \(Int(Date().timeIntervalSince(began) * 1_000)) ms")
        #expect(second?.identity != first.identity && second?.head?.position.seq == 1)
        #expect(second?.head?.identity == first.identity)
        #expect(try engine.commit([.append([revoked(id(2))])], epoch: 1, by: soon).first?.stamp?.position.seq == 2)
        let unknown = try EngineScene.source("redis+sentinel://127.0.0.1:\(sentinel.port)/other").engine()
        #expect(
            throws: StoreFault.unreachable(
                reason: "the Sentinel 127.0.0.1:\(sentinel.port) knows no primary of the name other")
        ) { try unknown.connect(by: soon) }
    }

    @Test func `TLS needs a certificate of a trusted authority`() throws {
        let pair = try SelfSignedPair(now: UnixSeconds(Int64(Date().timeIntervalSince1970)), days: 2)
        let directory = NSTemporaryDirectory() + "martlet-tls-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try Data(pair.certificate).write(to: URL(filePath: directory + "/c.pem"))
        try Data(pair.privateKey).write(to: URL(filePath: directory + "/k.pem"))
        let port = RedisServer.freePort()
        let server = try RedisServer([
            "--tls-port", String(port), "--tls-cert-file", directory + "/c.pem", "--tls-key-file", directory + "/k.pem",
            "--tls-auth-clients", "no",
        ])
        _ = server
        let trusted = try EngineScene.source("rediss://127.0.0.1:\(port)", caPath: directory + "/c.pem").engine()
        let report = try trusted.connect(by: soon)
        _ = try trusted.begin(epoch: 1, at: 1, expecting: nil, identity: report.identity, by: soon)
        let records = (1...5_000).map { revoked(id($0)).placed(seq: $0, time: 5) }
        #expect(try trusted.commit([.tell(records)], epoch: 1, by: soon).first?.stamp?.position.seq == 5_000)
        let untrusted = try EngineScene.source("rediss://127.0.0.1:\(port)").engine()
        let fault = #expect(throws: StoreFault.self) { try untrusted.connect(by: soon) }
        guard case .rejected(_, let remedy)? = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
        #expect(remedy.contains("MARTLET_STORE_CA"))
        #expect(throws: StoreFault.self) { try EngineScene.source("rediss://127.0.0.1:\(port)", caPath: "/nowhere") }
    }
}
