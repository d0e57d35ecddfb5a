import Encoding
import Glibc
@testable import Journal
import Testing

@Suite("Repair: only what was never acknowledged, or what is said to be lost")
struct JournalRepairTests {
    private let directory = TemporaryDirectory()

    private var storage: DirectoryStorage { DirectoryStorage(path: directory.path) }

    /// Three processes' segments, the first ones in a snapshot.
    private func fill(compacting: Bool = false) throws {
        for round in UInt64(0)..<3 {
            let writer = try reopen(storage)
            for number in 0..<10 { _ = try writer.write(.entry(round * 10 + UInt64(number))) }
            if compacting, round == 1 { _ = try writer.compact(KeepAll()) }
            writer.close()
        }
    }

    private struct KeepAll: CompactionFilter {
        mutating func keeps(_ record: JournalRecord) -> Bool { true }
        var replacements: [JournalRecord] { [] }
    }

    private func edit(_ name: String, at offset: Int) throws {
        var octets = try directory.bytes(name)
        octets[offset] ^= 1
        try directory.put(name, octets)
    }

    private func numbers() throws -> [UInt64] {
        try replay(storage).records.filter { $0.kind == .entry }.map(\.key.low)
    }

    @Test(arguments: [false, true])
    func `every whole record goes on, and each file is kept as it was`(_ isCompacted: Bool) throws {
        try fill(compacting: isCompacted)
        let names = try directory.names().filter { $0 != "LOCK" }
        let first = try #require(names.first { isCompacted == $0.hasSuffix(".snap") })
        // The fourth place: with or without the process's first record before it.
        try edit(first, at: 4_096 + 3 * 64 + 20)
        let damaged = try names.map { try directory.bytes($0) }
        let store = try #require(try JournalInspection(storage, .test).segments.last?.header.store)
        let repair = try JournalRepair(path: directory.path, options: .test(), .test)
        let fault = #expect(throws: JournalError.self) { try repair.dropUnacknowledged() }
        #expect("\(fault, default: "")".contains("\(first) is damaged at offset 4288: "))
        #expect(try names.map { try directory.bytes($0) } == damaged)
        let report = try repair.acceptLoss()
        #expect(report.keptCount == 29 && report.lostCount == 1 && report.unreadable.isEmpty)
        let copy = try #require(report.copy)
        #expect(try names.map { try directory.bytes("\(copy)/\($0)") } == damaged)
        let lost: UInt64 = isCompacted ? 3 : 2
        #expect(try numbers() == (0..<30).filter { $0 != lost })
        let writer = try reopen(storage)
        #expect(writer.store == store)
        _ = try writer.write(.entry(99))
        writer.close()
        #expect(try numbers().last == 99)
    }

    @Test func `a second repair of a whole journal does nothing`() throws {
        try fill()
        let names = try directory.names()
        let repair = try JournalRepair(path: directory.path, options: .test(), .test)
        #expect(try repair.dropUnacknowledged() == JournalRepair.Report(keptCount: 36))
        #expect(try directory.names() == names)
    }

    @Test func `a missing segment is named`() throws {
        try fill()
        let names = try directory.names().filter { $0 != "LOCK" }
        try storage.remove(names[1])
        let report = try JournalRepair(path: directory.path, options: .test(), .test).acceptLoss()
        #expect(report.unreadable == ["segment 2, which is missing"])
        #expect(try numbers() == Array(0..<10) + Array(20..<30))
    }

    @Test func `nothing to go on with is refused, and changes nothing`() throws {
        try fill()
        let names = try directory.names()
        for name in names where name != "LOCK" { try directory.put(name, [UInt8](repeating: 7, count: 8_192)) }
        let repair = try JournalRepair(path: directory.path, options: .test(), .test)
        #expect(
            throws: JournalError.corrupt(file: directory.path, offset: 0, expectation: "a file with a good header")
        ) { try repair.acceptLoss() }
        #expect(try directory.names().filter { !$0.hasPrefix("repair") } == names)
    }

    @Test func `a segment whose beginning was overwritten gives back every record that is whole`() throws {
        let writer = try reopen(storage)
        for number in UInt64(0)..<20 { _ = try writer.write(.entry(number)) }
        writer.close()
        var octets = try directory.bytes(firstSegment)
        let log = Array(String(repeating: "{\"event\":\"login_succeeded\"}\n", count: 170).utf8)
        octets.replaceSubrange(0..<log.count, with: log)
        try directory.put(firstSegment, octets)
        let repair = try JournalRepair(path: directory.path, options: .test(), .test)
        let report = try repair.acceptLoss()
        let lost = UInt64((log.count - 4_096 + 63) / 64)
        #expect(report.unreadable.isEmpty && report.lostCount == lost)
        #expect(try numbers() == Array((lost - 1)..<20))
    }

    @Test func `a repair that was cut short is done again`() throws {
        try fill()
        try edit(try #require(directory.names().first { $0 != "LOCK" }), at: 4_096 + 200)
        let draft = DirectoryStorage(path: directory.path + "/repair-draft")
        try draft.lock()
        draft.unlock()
        try directory.put("repair-draft/snapshot", [1, 2, 3])
        let report = try JournalRepair(path: directory.path, options: .test(), .test).acceptLoss()
        #expect(report.keptCount == 29)
        #expect(try numbers().count == 29)
        #expect(try !directory.names().contains("repair-draft"))
    }

    @Test func `what is held can be read after a compaction has removed it`() throws {
        let writer = try reopen(storage)
        for number in UInt64(0)..<50 { _ = try writer.write(.entry(number)) }
        let held = try DirectorySnapshot(path: directory.path)
        _ = try writer.compact(OddOnes())
        let missing = JournalError.io(function: "open", errno: ENOENT, path: directory.path + "/" + firstSegment)
        #expect(throws: missing) { try storage.read(firstSegment, at: 0, count: 64) }
        let inspection = try JournalInspection(held, .test)
        #expect(inspection.recordCounts[.entry] == 50 && inspection.findings.isEmpty)
        writer.close()
    }
}
