import Encoding
import Journal
import Platform
import Revocation
import Store
import TestForm
import Testing

@testable import Postgres

/// Prints rates; a debug build and a busy machine say little.
@Suite("PostgreSQL: rates", .serialized, .enabled(if: PostgresPrograms.areInstalled, PostgresPrograms.missing))
struct RateTests {
    private static let batchCount = TestForm.pick(quick: 4, normal: 20, full: 300)
    private static let size = 64

    private func rate(_ name: String, _ body: (Int) throws -> Void) rethrows {
        for warmUp in 0..<2 { try body(warmUp) }
        let clock = ContinuousClock()
        let began = clock.now
        for batch in 2..<(Self.batchCount + 2) { try body(batch) }
        let seconds =
            Double((clock.now - began).components.attoseconds) / 1e18 + Double((clock.now - began).components.seconds)
        print("rate: \(name): \(Int(Double(Self.batchCount * Self.size) / seconds)) records/s")
    }

    private func sid(_ batch: Int, _ index: Int) -> UUID { Sample.sid(UInt64(batch * Self.size + index)) }

    @Test func `batches of 64 through the engine, and the same ones ready-made`() throws {
        let server = try PostgresServer()
        let node = try Node(server)
        let makers: [(String, (UUID) -> StoreStep)] = [
            ("first rotations", { Sample.advance($0, from: 0) }), ("revocations", Sample.revoke),
        ]
        for (name, step) in makers {
            func steps(_ batch: Int) -> [StoreStep] { (0..<Self.size).map { step(sid(batch, $0)) } }
            try server.execute("TRUNCATE martlet.session, martlet.denied")
            try rate("\(name), engine") { batch in
                let outcomes = try node.engine.commit(steps(batch), epoch: 1, by: Sample.deadline)
                #expect(outcomes.allSatisfy { $0.seq != nil })
            }
            try server.execute("TRUNCATE martlet.session, martlet.denied")
            let link = try server.link()
            let ready = (0..<(Self.batchCount + 2)).map { batch -> BinaryValues in
                var commit = CommitBatch()
                for (index, step) in steps(batch).enumerated() {
                    switch step {
                    case .append(let records): _ = commit.append(records, step: index)
                    case .advance(let advance): commit.advance(advance, step: index)
                    default: break
                    }
                }
                return commit.values(epoch: 1)
            }
            let places = (1...28).map { "$\($0)" }.joined(separator: ", ")
            try rate("\(name), bare") { batch in
                let rows = try link.run("SELECT * FROM martlet.commit(\(places))", ready[batch], by: Sample.deadline)
                #expect(rows.rowCount == Self.size + 1)
            }
        }
    }

    @Test func `everything is loaded in bounded pieces`() throws {
        let server = try PostgresServer()
        let node = try Node(server)
        let count = TestForm.pick(quick: 10_000, normal: 50_000, full: 1_000_000)
        try server.execute(
            """
            INSERT INTO martlet.denied SELECT gen_random_uuid(), 2, 0, 4000000000000, 0, 1, i, i
                FROM generate_series(1, \(count)) i
            """)
        var (loaded, largest) = (0, 0)
        let clock = ContinuousClock()
        let time = try clock.measure {
            _ = try node.engine.load(by: .after(milliseconds: 60_000)) { records in
                loaded += records.count
                largest = max(largest, records.count)
            }
        }
        #expect(loaded == count)
        #expect(largest <= 4_200)
        print("rate: \(count) revocations loaded in \(time)")
    }
}
