import Encoding
import Foundation
import Journal
import Platform
import Revocation
import Store
import TestForm
import Testing

@testable import Postgres

@Suite("PostgreSQL: faults", .enabled(if: PostgresPrograms.areInstalled, PostgresPrograms.missing))
struct FaultTests {
    @Test func `a killed backend makes the outcome unknown, and the next connection works`() throws {
        let server = try PostgresServer()
        let node = try Node(server)
        try server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'service'")
        do {
            _ = try node.commit(Sample.revokeToken(1))
            Issue.record("the connection lives")
        } catch StoreFault.lost {}
        #expect(throws: StoreFault.unreachable(reason: "there is no connection to PostgreSQL")) {
            try node.commit(Sample.revokeToken(1))
        }
        _ = try node.engine.connect(by: Sample.deadline)
        #expect(try node.commit(Sample.revokeToken(1))[0].seq == 1)
    }

    @Test func `a lock that somebody holds makes it busy after a second, and nothing happened`() throws {
        let server = try PostgresServer()
        let node = try Node(server)
        let other = try server.link()
        try other.runScript("BEGIN; SELECT * FROM martlet.head FOR UPDATE", by: Sample.deadline)
        do {
            _ = try node.commit(Sample.revokeToken(1))
            Issue.record("the lock was passed")
        } catch StoreFault.busy(let reason) {
            #expect(reason.contains("55P03"))
        }
        try other.runScript("COMMIT", by: Sample.deadline)
        #expect(try node.commit(Sample.revokeToken(1))[0].seq == 1)
    }

    @Test func `an answer that does not come in time makes the outcome unknown`() throws {
        let server = try PostgresServer()
        let node = try Node(server)
        let other = try server.link()
        try other.runScript("BEGIN; SELECT * FROM martlet.head FOR UPDATE", by: Sample.deadline)
        let began = StoreDeadline.now
        #expect(throws: StoreFault.lost(reason: "no answer in time")) {
            try node.engine.commit([Sample.revokeToken(1)], epoch: 1, by: .after(milliseconds: 200))
        }
        #expect(StoreDeadline.now - began < 1_000)
    }

    @Test func `a server that is read-only is not the primary`() throws {
        let server = try PostgresServer()
        let node = try Node(server)
        try server.execute("ALTER ROLE service SET default_transaction_read_only = on")
        do {
            _ = try node.engine.connect(by: Sample.deadline)
            Issue.record("connected")
        } catch StoreFault.notPrimary {}
    }

    @Test func `a server without room for another connection is unreachable, and one that is not there too`() throws {
        let server = try PostgresServer(["max_connections": "6", "superuser_reserved_connections": "3"])
        let nodes = try (0..<3).map { _ in try Node(server) }
        do {
            _ = try server.source().engine().connect(by: Sample.deadline)
            Issue.record("connected")
        } catch StoreFault.unreachable(let reason) {
            #expect(reason.contains("53300"))
        }
        #expect(nodes.count == 3)
        server.kill()
        do {
            _ = try server.source().engine().connect(by: Sample.deadline)
            Issue.record("connected")
        } catch StoreFault.unreachable {}
    }

    @Test func `of several hosts the one that answers is found within the time, even if the first is silent`() throws {
        let server = try PostgresServer()
        // A port that accepts and never answers, as a machine without power behind a switch seems to.
        let silent = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(silent) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(silent, $0, length)
                _ = listen(silent, 1)
                _ = getsockname(silent, $0, &length)
            }
        }
        let port = UInt16(bigEndian: address.sin_port)
        let connection = try server.connection(
            address: "postgres://service@127.0.0.1:\(port),127.0.0.1:\(server.port)/postgres")
        let engine = try PostgresEngineSource(connection).engine()
        #expect(try engine.connect(by: .after(milliseconds: 2_000)).version.hasPrefix("PostgreSQL"))
    }

    @Test func `a wait for a standby that is cancelled is no acknowledgement`() throws {
        let server = try PostgresServer()
        let node = try Node(server)
        try server.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'; ")
        try server.execute("SELECT pg_reload_conf()")
        usleep(300_000)
        let thread = Thread {
            for _ in 0..<50 {
                usleep(100_000)
                try? server.execute(
                    "SET synchronous_commit = off; SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                )
            }
        }
        thread.start()
        #expect(try node.commit(Sample.revokeToken(1)) == [.unconfirmed])
    }

    @Test func `what was acknowledged survives kills of the whole server under load`() throws {
        let server = try PostgresServer()
        let rounds = TestForm.pick(quick: 2, normal: 4, full: 50)
        var acknowledged: Set<UInt64> = []
        var number: UInt64 = 0
        var head: EngineHead?
        for _ in 0..<rounds {
            let node = try Node(server)
            head = head ?? node.head
            #expect(node.head.position.epoch == 1)
            let killer = Thread {
                usleep(useconds_t.random(in: 50_000...300_000))
                server.kill()
            }
            killer.start()
            while let numbers = revoke(16, from: number, node) {
                number += 16
                acknowledged.formUnion(numbers)
            }
            number += 16
            while !killer.isFinished { usleep(1_000) }
            try server.start()
        }
        let node = try Node(server)
        let kept = Set(try node.load().map(\.key.low))
        #expect(acknowledged.count > rounds * 16)
        #expect(acknowledged.subtracting(kept).isEmpty)
        // Numbers have no gap, and the head is the last of them.
        #expect(try server.number("SELECT count(*) - max(seq) FROM martlet.log") == 0)
        #expect(try server.number("SELECT h.seq - max(l.seq) FROM martlet.head h, martlet.log l GROUP BY h.seq") == 0)
    }

    /// Returns the numbers that were acknowledged; nil when the connection broke.
    private func revoke(_ count: UInt64, from first: UInt64, _ node: Node) -> [UInt64]? {
        let numbers = Array(first..<(first + count))
        let steps = numbers.map { Sample.revokeToken($0) }
        let outcomes = try? node.engine.commit(steps, epoch: 1, by: .after(milliseconds: 5_000))
        return outcomes.map { outcomes in zip(numbers, outcomes).filter { $1.seq != nil }.map(\.0) }
    }

    @Test func `several nodes that rotate the same sessions never advance one twice`() throws {
        let server = try PostgresServer()
        _ = try Node(server)
        let rounds = TestForm.pick(quick: 20, normal: 60)
        let counts = Counter()
        let threads = (0..<3).map { _ in
            Thread {
                guard let node = try? Node(server) else { return }
                var known = [UInt32](repeating: 0, count: 16)
                for _ in 0..<rounds {
                    let steps = known.indices.map { Sample.advance(Sample.sid(UInt64($0)), from: known[$0]) }
                    guard let outcomes = try? node.engine.commit(steps, epoch: 1, by: Sample.deadline) else { return }
                    for (index, outcome) in outcomes.enumerated() {
                        switch outcome {
                        case .advanced:
                            known[index] += 1
                            counts.add()
                        case .stands(let rotation, _): known[index] = rotation?.generation ?? 0
                        default: break
                        }
                    }
                }
            }
        }
        for thread in threads { thread.start() }
        while !threads.allSatisfy(\.isFinished) { usleep(2_000) }
        #expect(counts.value > 16 * rounds)
        #expect(try server.number("SELECT sum(generation) FROM martlet.session") == Int64(counts.value))
        #expect(try server.number("SELECT seq FROM martlet.head") == Int64(counts.value))
    }
}

final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var count = 0

    func add() { lock.withLock { count += 1 } }
    var value: Int { lock.withLock { count } }
}
