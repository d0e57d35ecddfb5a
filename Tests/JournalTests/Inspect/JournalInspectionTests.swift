import Encoding
@testable import Journal
import Testing

@Suite("Inspecting a journal")
struct JournalInspectionTests {
    private func journal() throws -> MemoryStorage {
        let storage = MemoryStorage()
        for round in UInt64(0)..<3 {
            let writer = try reopen(storage, .test(clock: TestClock(Int64(round) * 1_000)))
            for number in 0..<4 { _ = try writer.write(.entry(round * 4 + UInt64(number))) }
            writer.close()
        }
        return storage
    }

    private func name(_ number: Int) throws -> String {
        try #require(try journal().files.keys.sorted().dropFirst(number - 1).first)
    }

    @Test func `counts segments and records, and needs no lock`() throws {
        let storage = try journal()
        let writer = try reopen(storage)
        var seqs: [UInt64] = []
        let inspection = try JournalInspection(storage, .test) { record, _, _ in seqs.append(record.seq) }
        #expect(inspection.segments.map(\.recordCount) == [6, 6, 6, 1])
        #expect(inspection.segments.map(\.isSealed) == [true, true, true, false])
        #expect(inspection.recordCounts == [.open: 4, .seal: 3, .entry: 12])
        #expect(inspection.findings.isEmpty)
        #expect(inspection.firstTime == 0)
        #expect(seqs == Array(1...19) && inspection.lastSeq == 19)
        writer.close()
    }

    @Test func `names every damaged place with file and offset`() throws {
        let storage = try journal()
        storage.edit(try name(1)) { $0[4_096 + 64 + 20] ^= 1 }
        storage.edit(try name(2)) { $0[4_096 + 128 + 20] ^= 1 }
        storage.edit(try name(3)) { $0[4_096 + 192 + 20] ^= 1 }
        let findings = try JournalInspection(storage, .test).findings
        let files = [try name(1), try name(2), try name(3)]
        let offsets: [UInt64] = [4_160, 4_224, 4_288]
        #expect(findings.map(\.file) == files)
        #expect(findings.map(\.offset) == offsets)
        #expect(!findings.contains { !$0.isDamage })
    }

    @Test func `finds a missing segment and a damaged header`() throws {
        let storage = try journal()
        let second = try name(2)
        storage.state.withLock { $0.files[second] = nil }
        let inspection = try JournalInspection(storage, .test)
        #expect(inspection.isDamaged)
        let other = try journal()
        other.edit(second) { $0[33] ^= 1 }
        let findings = try JournalInspection(other, .test).findings
        #expect(findings.first?.file == second && findings.first?.offset == 12)
    }

    @Test func `a torn tail is a note, not damage`() throws {
        let storage = try journal()
        storage.edit(try name(3)) { $0 += [1, 2, 3] }
        let inspection = try JournalInspection(storage, .test)
        #expect(!inspection.isDamaged)
        let end: UInt64 = 4_096 + 6 * 64
        #expect(inspection.findings.map(\.offset) == [end])
    }
}
