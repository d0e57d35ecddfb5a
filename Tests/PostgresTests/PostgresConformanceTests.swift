import Encoding
import Foundation
import Platform
@testable import Postgres
@testable import Revocation
@testable import Store
import StoreTestSupport
import TestForm
import Testing

/// The suites that the model of an engine is under too.
@Suite("PostgreSQL: conformance", .enabled(if: PostgresPrograms.areInstalled, PostgresPrograms.missing))
struct PostgresConformanceTests {
    @Test func `a node over PostgreSQL behaves as a ledger`() throws {
        let path = NSTemporaryDirectory() + "postgres-conformance-" + Foundation.UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        let source = try Node.freshSource()
        let run = try ConformanceRun(.store("postgres", { _ in source }, directory: path, usesClock: false), seed: 1)
        try run.run(TestForm.pick(quick: 200, normal: 500, full: 100_000))
        #expect(run.complaints.isEmpty, "\(run.complaints)")
        for what in ["advanced", "stands", "rejected", "revoked"] {
            #expect(run.counts[what] ?? 0 > 0, "never \(what)")
        }
    }

    @Test func `three nodes over PostgreSQL say the same`() throws {
        let clock = TestClock()
        let now = WallClock { UnixMilliseconds(Int64(Date().timeIntervalSince1970 * 1_000)) }
        let run = try NodesRun(try Node.freshSource(), clock, world: nil, seed: 1, change: { $0.clock = now })
        try run.run(TestForm.pick(quick: 100, normal: 300, full: 100_000))
        #expect(run.complaints.isEmpty, "\(run.complaints)")
        for what in ["began", "rotated", "denied", "revoked", "compared", "restarted"] {
            #expect(run.counts[what] ?? 0 > 0, "never \(what)")
        }
    }
}
