import Foundation
import Glibc
import Revocation
import Testing

@testable import Redis
@testable import Store

@Suite("Faults of a real Redis", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct RedisFaultTests {
    private func fault(_ body: () throws -> Void) -> StoreFault? {
        do {
            try body()
            return nil
        } catch {
            return error as? StoreFault
        }
    }

    @Test func `a full memory, missing replicas and a disk that fails are busy, and nothing happens`() throws {
        let scene = try EngineScene()
        let before = try scene.server.ask("GET", "{martlet}:time")
        _ = try scene.server.ask("CONFIG", "SET", "maxmemory", "1")
        #expect(
            fault { _ = try scene.commit(.append([revoked(id(1))])) }
                == .busy(reason: "Redis has reached maxmemory (OOM)"))
        // What can still be read is read.
        #expect(try scene.another().findHead(by: soon).head?.position.seq == 0)
        _ = try scene.server.ask("CONFIG", "SET", "maxmemory", "0")
        _ = try scene.server.ask("CONFIG", "SET", "min-replicas-to-write", "1")
        #expect(
            fault { _ = try scene.commit(advance(id(1), from: 0)) }
                == .busy(reason: "Redis has fewer replicas than min-replicas-to-write (NOREPLICAS)"))
        _ = try scene.server.ask("CONFIG", "SET", "min-replicas-to-write", "0")
        #expect(try scene.server.ask("GET", "{martlet}:time") == before)
        #expect(try scene.commit(.append([revoked(id(1))])).stamp?.position.seq == 1)
    }

    @Test func `a server that became a replica is not written, and the primary is found through it`() throws {
        let scene = try EngineScene()
        let other = try RedisServer()
        _ = try scene.server.ask("REPLICAOF", "127.0.0.1", String(other.port))
        let found = fault { _ = try scene.commit(.append([revoked(id(1))])) }
        switch found {
        case .notPrimary?, .lost?: break
        default: Issue.record("\(String(describing: found))")
        }
        let report = try scene.engine.connect(by: soon)
        #expect(report.identity != scene.head.identity && report.head == nil)
    }

    @Test func `passwords and users that are wrong are rejected, without the password in the message`() throws {
        let server = try RedisServer(["--requirepass", "secret-one"])
        func connect(user: String? = nil, _ password: String?) throws {
            _ = try EngineScene.source(server, user: user, password: password).engine().connect(by: soon)
        }
        guard case .rejected(let reason, let remedy)? = fault({ try connect(nil) }) else {
            Issue.record("no rejection")
            return
        }
        #expect(reason.contains("NOAUTH") && remedy.contains("MARTLET_STORE_PASSWORD_FILE"))
        guard case .rejected(let wrong, _)? = fault({ try connect("secret-two") }) else {
            Issue.record("no rejection")
            return
        }
        #expect(wrong.contains("WRONGPASS") && !wrong.contains("secret"))
        guard case .rejected(let alone, _)? = fault({ try connect(user: "martlet", nil) }) else {
            Issue.record("no rejection")
            return
        }
        #expect(alone.contains("no password"))
        #expect(fault { try connect("secret-one") } == nil)
        #expect(fault { try connect(user: "default", "secret-one") } == nil)
    }

    @Test func `a script of another client that takes long is busy`() throws {
        let scene = try EngineScene(["--busy-reply-threshold", "20"])
        let client = try RawClient(port: scene.server.port)
        let thread = try TestThread { _ = try? client.ask("EVAL", "while true do end", "0") }
        var found: StoreFault?
        let end = Date().addingTimeInterval(5)
        while Date() < end {
            found = fault { _ = try scene.commit(.append([revoked(id(1))])) }
            if found != nil { break }
        }
        // Connecting says the same.
        let connecting = fault { _ = try scene.another() }
        #expect(try scene.server.ask("SCRIPT", "KILL") == "+OK")
        thread.join()
        #expect(found == .busy(reason: "Redis is running a script that takes long (BUSY)"))
        #expect(connecting == found)
        _ = try scene.engine.connect(by: soon)
        #expect(try scene.commit(.append([revoked(id(2))])).stamp != nil)
    }

    @Test func `a cluster without slots is busy`() throws {
        let server = try RedisServer(["--cluster-enabled", "yes", "--cluster-port", String(RedisServer.freePort())])
        guard
            case .busy(let reason)? = fault({
                _ = try EngineScene.source(server).engine().connect(by: soon)
            })
        else {
            Issue.record("no fault")
            return
        }
        #expect(reason.contains("CLUSTERDOWN"))
    }

    @Test func `MOVED is followed`() throws {
        let first = try RedisServer(["--cluster-enabled", "yes", "--cluster-port", String(RedisServer.freePort())])
        let busPort = RedisServer.freePort()
        let second = try RedisServer(["--cluster-enabled", "yes", "--cluster-port", String(busPort)])
        _ = try second.ask("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        _ = try first.ask("CLUSTER", "MEET", "127.0.0.1", String(second.port), String(busPort))
        // Either may still wait for the other one's word that the slots are served.
        let end = Date().addingTimeInterval(60)
        for server in [first, second] {
            while Date() < end, try !server.ask("CLUSTER", "INFO").contains("cluster_state:ok") { usleep(50_000) }
        }
        let engine = try EngineScene.source(first).engine()
        var moved = fault { _ = try engine.connect(by: soon) }
        while case .busy? = moved, Date() < end {
            usleep(50_000)
            moved = fault { _ = try engine.connect(by: soon) }
        }
        guard case .notPrimary(let reason)? = moved else {
            Issue.record("\(String(describing: moved))")
            return
        }
        #expect(reason.contains("MOVED"))
        var report: EngineReport?
        while report == nil {
            let met = fault { report = try engine.connect(by: soon) }
            try #require(report != nil || Date() < end, "\(String(describing: met))")
            if report == nil { usleep(50_000) }
        }
        #expect(try second.ask("INFO", "server").contains(#require(report).identity))
    }

    @Test func `data of a later version is not touched`() throws {
        let scene = try EngineScene()
        _ = try scene.server.ask("SET", "{martlet}:epoch", "2 1 1 x ")
        #expect(
            fault { _ = try scene.engine.connect(by: soon) }
                == .rejected(
                    reason: "Redis has data of a later version of Martlet (format 2)",
                    remedy: "Start a version that is at least as new as the other nodes."))
        #expect(throws: StoreFault.self) { try scene.commit(.append([revoked(id(1))])) }
    }

    @Test func `a host that does not answer is found within the deadline`() throws {
        let scene = try EngineScene()
        scene.server.signal(SIGSTOP)
        defer { scene.server.signal(SIGCONT) }
        let began = StoreDeadline.now
        let found = fault {
            _ = try scene.engine.commit([.append([revoked(id(1))])], epoch: 1, by: .after(milliseconds: 300))
        }
        guard case .lost? = found else {
            Issue.record("\(String(describing: found))")
            return
        }
        #expect(StoreDeadline.now - began < 2_000)
    }

    @Test func `a key of another type is not taken for an absent one`() throws {
        let scene = try EngineScene()
        _ = try scene.commit(.append([revoked(id(1))]))
        _ = try scene.server.ask("LPUSH", "{martlet}:j:\(id(5))", "x")
        #expect(throws: StoreFault.damaged(reason: "the key {martlet}:j:\(id(5)) is not a string")) {
            try scene.loaded()
        }
        _ = try scene.server.ask("DEL", "{martlet}:j:\(id(5))")
        _ = try scene.server.ask("SETRANGE", "{martlet}:d:\(id(1))", "9", "x")
        #expect(throws: StoreFault.damaged(reason: "the key {martlet}:d:\(id(1)) has an unknown form")) {
            try scene.loaded()
        }
        // Doubt rejects.
        #expect(try scene.commit(advance(id(1), from: 0)) == .rejected(.session))
        _ = try scene.server.ask("SET", "{martlet}:s:\(id(2))", "x")
        #expect(
            throws: StoreFault.damaged(reason: "the key {martlet}:s:\(id(2)) has an unknown form")
        ) { try scene.commit(advance(id(2), from: 0)) }
    }
}
