import Encoding
import Foundation
import Journal
import Platform
@testable import Revocation
import StoreTestSupport
import TestForm
import Testing

@Suite("Random steps over every ledger")
struct ConformanceTests {
    private static let stepCount = TestForm.pick(quick: 500, normal: 4_000, full: 100_000)

    private static func model(_ flaw: ModelLedgerSource.Flaw? = nil) -> LedgerUnderTest {
        let box = ModelBox()
        return LedgerUnderTest(name: "model") { clock, replay in
            try box.source(clock, flaw).open(replay)
        } settle: { _ in
        }
    }

    private static func file(_ path: String) -> LedgerUnderTest {
        LedgerUnderTest(name: "file") { clock, replay in
            let numbers = Numbers()
            var source = FileLedgerSource(directory: path, clock: clock, random: { numbers.next() })
            source.pace = .stepped
            return try source.open(replay)
        } settle: { ledger in
            while (ledger as? FileLedger)?.step() == true {}
        }
    }

    /// A file system in memory, if there is one: each step is a durable write.
    private static func directory() -> String {
        let memory = "/dev/shm"
        let parent = FileManager.default.isWritableFile(atPath: memory) ? memory + "/" : NSTemporaryDirectory()
        return parent + "conformance-" + Foundation.UUID().uuidString
    }

    @Test(arguments: [UInt64(1), 20_261_129])
    func `the journal and the model say the same`(_ seed: UInt64) throws {
        let path = Self.directory()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let runs = [try ConformanceRun(Self.file(path), seed: seed), try ConformanceRun(Self.model(), seed: seed)]
        for run in runs {
            try run.run(Self.stepCount)
            #expect(run.complaints.isEmpty, "seed \(seed): \(run.complaints)")
            let outcomes = ["advanced", "stands", "rejected", "revoked", "cut", "spared", "joined", "returned"]
            // So few steps do not reach them all.
            for what in TestForm.pick(quick: ["advanced"], normal: outcomes) {
                #expect(run.counts[what] ?? 0 > 0, "seed \(seed): never \(what)")
            }
        }
        #expect(runs[0].verdicts == runs[1].verdicts, "seed \(seed)")
    }

    @Test(arguments: ModelLedgerSource.Flaw.allCases)
    func `a flaw in a ledger is found`(_ flaw: ModelLedgerSource.Flaw) throws {
        let run = try ConformanceRun(Self.model(flaw), seed: 3)
        try run.run(500)
        #expect(!run.complaints.isEmpty, "\(flaw) was not found with seed 3")
    }
}

/// Opens the same model again and again.
private final class ModelBox {
    private var kept: ModelLedgerSource?

    func source(_ clock: WallClock, _ flaw: ModelLedgerSource.Flaw?) -> ModelLedgerSource {
        let source = kept ?? ModelLedgerSource(clock: clock, flaw: flaw)
        kept = source
        return source
    }
}
