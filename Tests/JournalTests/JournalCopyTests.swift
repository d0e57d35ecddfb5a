import Encoding
@testable import Journal
import Platform
import Synchronization
import Testing

@Suite("The copy of another store in the format of the journal")
struct JournalCopyTests {
    private let storage = MemoryStorage()
    private static let kind = JournalRecord.Kind(rawValue: 1)
    private static let schema = JournalSchema(kinds: [kind]) { _ in true }

    private func options(_ segmentRecordCount: UInt64 = 8) -> JournalOptions {
        let numbers = Mutex<UInt64>(0)
        var options = JournalOptions(
            clock: WallClock { 5_000 },
            random: {
                numbers.withLock {
                    $0 += 1; return $0
                }
            })
        options.segmentRecordCount = segmentRecordCount
        return options
    }

    private func records(_ seqs: ClosedRange<UInt64>) -> [JournalRecord] {
        seqs.map {
            JournalRecord(Self.kind, key: UUID(high: 0, low: $0), expires: 9_000)
                .placed(seq: $0, time: UnixMilliseconds(Int64($0) * 10))
        }
    }

    private func open(_ storage: MemoryStorage? = nil, count: UInt64 = 8) throws -> (JournalCopy, [JournalRecord]) {
        var found: [JournalRecord] = []
        let copy = try JournalCopy.open(storage ?? self.storage, Self.schema, options(count)) { found += $0 }
        return (copy, found)
    }

    @Test func `records come back as the other store has numbered and dated them`() throws {
        let (copy, none) = try open()
        #expect(none.isEmpty && copy.durableSeq == 0)
        try copy.append(records(1...20)[...])
        #expect(copy.durableSeq == 20 && copy.extent == JournalExtent(recordCount: 20, segmentCount: 3))
        copy.close()
        let (again, found) = try open()
        #expect(found == records(1...20))
        #expect(again.durableSeq == 20 && again.lastTime == 200)
        try again.append(records(21...22)[...])
        again.close()
        #expect(try open().1 == records(1...22))
    }

    @Test func `a record that does not follow is rejected`() throws {
        let (copy, _) = try open()
        try copy.append(records(1...2)[...])
        #expect(throws: JournalError.unwritable(reason: "record 3 expected, record 4 given")) {
            try copy.append(records(4...4)[...])
        }
        try copy.append(records(3...3)[...])
    }

    @Test func `numbers may be left out before a record that says so`() throws {
        let (copy, _) = try open()
        try copy.append(records(1...3)[...])
        try copy.jump(to: records(100...100)[0])
        try copy.append(records(101...120)[...])
        copy.close()
        #expect(try open().1.map(\.seq) == Array(1...3) + Array(100...120))
    }

    @Test func `a copy is no journal, and a journal is no copy`() throws {
        let (copy, _) = try open()
        try copy.append(records(1...3)[...])
        copy.close()
        #expect { _ = try JournalReader(storage, Self.schema) } throws: { error in
            if case .otherUse(let what) = error as? JournalError { what.contains("MARTLET_STORE") } else { false }
        }
        let journal = MemoryStorage()
        var reader = try JournalReader(journal, Self.schema)
        try reader.replay { _ in }
        try reader.intoWriter(options()).close()
        #expect { _ = try open(journal) } throws: { error in
            if case .otherUse(let what) = error as? JournalError { what.contains("store import") } else { false }
        }
    }

    private struct Odd: CompactionFilter {
        mutating func keeps(_ record: JournalRecord) -> Bool { record.key.low % 2 == 1 }
        var replacements: [JournalRecord] { [] }
    }

    @Test func `a compaction keeps the numbers, and the copy goes on after it`() throws {
        let (copy, _) = try open()
        try copy.append(records(1...21)[...])
        let report = try copy.compact(Odd())
        #expect(report.readCount == 21 && report.keptCount == 11)
        try copy.append(records(22...23)[...])
        copy.close()
        let (again, found) = try open()
        #expect(found.map(\.seq) == stride(from: 1, through: 21, by: 2) + [22, 23])
        _ = try again.compact(Odd())
        again.close()
        // Nothing follows the snapshot yet.
        let (third, left) = try open()
        #expect(left.map(\.seq) == Array(stride(from: 1, through: 23, by: 2)))
        #expect(third.durableSeq == 23)
        try third.append(records(24...24)[...])
    }

    @Test func `a snapshot replaces everything, and the numbers go on behind it`() throws {
        let (copy, _) = try open()
        try copy.append(records(1...5)[...])
        try copy.replace(Odd()) { draft throws(JournalError) in
            try draft.add(records(50...53))
            return (seq: 60, time: 600)
        }
        #expect(copy.durableSeq == 60 && copy.lastTime == 600)
        try copy.append(records(61...62)[...])
        copy.close()
        let (again, found) = try open()
        #expect(found.map(\.seq) == [1, 3, 5, 51, 53, 61, 62])
        #expect(again.durableSeq == 62)
    }

    @Test func `a replacement that fails changes nothing`() throws {
        let (copy, _) = try open()
        try copy.append(records(1...5)[...])
        #expect(throws: JournalError.closed) {
            try copy.replace(Odd()) { _ throws(JournalError) in throw .closed }
        }
        try copy.append(records(6...6)[...])
        copy.close()
        #expect(try open().1 == records(1...6))
    }

    @Test func `after every change of the directory, everything that was durable is there`() throws {
        storage.keepStates()
        let (copy, _) = try open()
        try copy.append(records(1...5)[...])
        try copy.append(records(6...20)[...])
        _ = try copy.compact(Odd())
        try copy.jump(to: records(40...40)[0])
        try copy.append(records(41...45)[...])
        copy.close()
        for (index, files) in storage.states.enumerated() {
            let (_, found) = try open(MemoryStorage(files: files))
            let seqs = Set(found.map(\.seq))
            let newest = seqs.max() ?? 0
            let expected = (1...max(1, newest)).filter { seq in
                (seq <= 20 || seq >= 40) && (seq % 2 == 1 || seq > 20)
            }
            #expect(newest == 0 || expected.allSatisfy(seqs.contains), "state \(index): \(found.map(\.seq))")
        }
    }

    @Test func `a torn end is dropped, and damage before it stops the start`() throws {
        let (copy, _) = try open()
        try copy.append(records(1...3)[...])
        try copy.append(records(4...5)[...])
        copy.close()
        let name = try #require(storage.files.keys.first { $0.hasSuffix(".jrn") })
        let torn = MemoryStorage(files: storage.files)
        torn.edit(name) { $0[4_096 + 4 * 64 + 20] ^= 1 }
        let (left, found) = try open(torn)
        #expect(found == records(1...4) && left.durableSeq == 4)
        try left.append(records(5...6)[...])
        let damaged = MemoryStorage(files: storage.files)
        damaged.edit(name) { $0[4_096 + 1 * 64 + 20] ^= 1 }
        #expect { _ = try open(damaged) } throws: { error in
            if case .corrupt = error as? JournalError { true } else { false }
        }
    }

    @Test func `a write that fails once goes to another segment`() throws {
        let (copy, _) = try open()
        try copy.append(records(1...3)[...])
        let failed = Atomic<Bool>(false)
        storage.onWrite { _ in
            failed.exchange(true, ordering: .relaxed) ? nil : .io(function: "pwrite", errno: 5, path: "x")
        }
        try copy.append(records(4...6)[...])
        storage.onWrite(nil)
        _ = try copy.compact(Odd())
        try copy.append(records(7...7)[...])
        copy.close()
        #expect(try open().1.map(\.seq) == [1, 3, 5, 7])
    }
}
