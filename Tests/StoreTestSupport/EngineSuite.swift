import Encoding
import Foundation
import Journal
import Platform
@testable import Revocation
@testable import Store

/// An engine that the suites run over: the model, Redis or PostgreSQL.
package struct StoreEngineUnderTest {
    package let name: String
    /// Makes the source of a new engine that has nothing of ours.
    package let make: () throws -> any StoreEngineSource
    /// Nil for an engine with a clock of its own.
    package let clock: TestClock?

    package init(name: String, clock: TestClock? = nil, make: @escaping () throws -> any StoreEngineSource) {
        self.name = name
        self.clock = clock
        self.make = make
    }
}

extension LedgerUnderTest {
    /// The ledger of one node over an engine.
    ///
    /// - Parameter usesClock: whether the node has the clock of the run; not with an engine that has one of its own.
    package static func store(
        _ name: String, _ engines: @escaping (WallClock) -> any StoreEngineSource, directory path: String,
        usesClock: Bool
    ) -> LedgerUnderTest {
        var made: (any StoreEngineSource)?
        let monotonic = TestClock()
        return LedgerUnderTest(name: name) { clock, replay in
            let source = made ?? engines(clock)
            made = source
            let numbers = Numbers()
            let wall = usesClock ? clock : WallClock { UnixMilliseconds(Int64(Date().timeIntervalSince1970 * 1_000)) }
            var options = StoreOptions(
                node: StoreNode(name: "n1", version: "1", settingsHash: "s", keyHash: { "k" }), clock: wall,
                monotonicNow: { monotonic.monotonic }, random: { numbers.next() })
            options.pace = .stepped
            options.durability = .relaxed
            options.segmentRecordCount = 512
            let status = StoreStatus(
                name: name, node: "n1",
                knowledge: KnowledgeAge(rule: .init(ageMax: nil, rejectsStale: false), clock: { monotonic.monotonic }))
            monotonic.pass(10_000)
            let ledger = StoreLedgerSource(engines: source, directory: path, status: status, options: options)
            return try ledger.open(replay)
        } settle: { ledger in
            for _ in 0..<2 { (ledger as? StoreLedger)?.step() }
        }
    }
}
