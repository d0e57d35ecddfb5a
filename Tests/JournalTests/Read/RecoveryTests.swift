import Encoding
@testable import Journal
import TestForm
import Testing

@Suite("Recovery: torn is dropped, corrupt is refused (H13)")
struct RecoveryTests {
    /// A segment as a crash leaves it: OPEN, then `count` records, each its own commit, and the zeros laid out ahead.
    private func crashed(after count: UInt64) throws -> MemoryStorage {
        let storage = MemoryStorage()
        let writer = try reopen(storage)
        for number in 0..<count { _ = try writer.write(.entry(number)) }
        let files = storage.files
        writer.close()
        return MemoryStorage(files: files)
    }

    /// Where record `seq` of the first segment begins.
    private func offset(_ seq: Int) -> Int { 4_096 + (seq - 1) * 64 }

    @Test func `zeros after the last record are a clean end`() throws {
        let (records, report) = try replay(crashed(after: 3))
        #expect(records.map(\.key.low).suffix(3) == [0, 1, 2])
        #expect(report.tornByteCount == 0)
        #expect(!report.isClean)
    }

    @Test(arguments: TestForm.sample(1...63, step: 7))
    func `the last record may be torn at any length`(_ byteCount: Int) throws {
        let storage = try crashed(after: 3)
        storage.edit(firstSegment) { file in
            for index in (offset(4) + byteCount)..<(offset(4) + 64) { file[index] = 0 }
        }
        // Whatever is left of it, the record is gone as a whole unless only zeros were lost.
        let kept = storage.files[firstSegment] == (try crashed(after: 3)).files[firstSegment]
        let (records, report) = try replay(storage)
        #expect(records.count == (kept ? 4 : 3))
        #expect((report.tornByteCount > 0) == !kept)
    }

    @Test(arguments: TestForm.sample(1...63, step: 7))
    func `the file may end within the last record`(_ byteCount: Int) throws {
        let storage = try crashed(after: 3)
        storage.edit(firstSegment) { $0.removeLast($0.count - offset(4) - byteCount) }
        let records = try replay(storage).records
        #expect(records.count >= 3 && records.prefix(3).map(\.seq) == [1, 2, 3])
    }

    @Test func `a torn tail is copied aside, cut off and never comes back`() throws {
        let storage = try crashed(after: 3)
        storage.edit(firstSegment) { $0[offset(4) + 20] ^= 1 }
        let torn = Array(try #require(storage.files[firstSegment])[offset(4)..<(offset(4) + 64)])
        let writer = try reopen(storage)
        #expect(writer.report.tornByteCount == 64)
        let copy = try #require(writer.report.tornCopy)
        #expect(storage.files[copy] == torn)
        #expect(storage.files[firstSegment]?.count == offset(4))
        _ = try writer.write(.entry(99))
        writer.close()
        let again = try replay(storage)
        #expect(again.records.filter { $0.kind == .entry }.map(\.key.low) == [0, 1, 99])
        #expect(again.report.tornByteCount == 0)
        #expect(again.report.isClean)
    }

    @Test(arguments: [1, 2, 3])
    func `a flipped bit in what was acknowledged is refused with file and offset`(_ seq: Int) throws {
        let storage = try crashed(after: 3)
        storage.edit(firstSegment) { $0[offset(seq) + 33] ^= 4 }
        let fault = JournalError.corrupt(
            file: firstSegment, offset: UInt64(offset(seq)),
            expectation: try checksumExpectation(storage.files[firstSegment] ?? [], offset(seq)))
        #expect(throws: fault) { try replay(storage) }
        #expect(fault.description.contains("\(firstSegment) is damaged at offset \(offset(seq))"))
        // A refused start lets go of the lock.
        #expect(!storage.state.withLock { $0.isLocked })
    }

    @Test func `a zeroed record in the middle is refused`() throws {
        let storage = try crashed(after: 5)
        storage.edit(firstSegment) { file in for index in 0..<64 { file[offset(3) + index] = 0 } }
        #expect(
            throws: JournalError.corrupt(
                file: firstSegment, offset: UInt64(offset(3)), expectation: "a record expected, zeros found")
        ) {
            try replay(storage)
        }
    }

    /// One commit of ten records, the sixth of which did not reach the disk.
    private func hole() throws -> MemoryStorage {
        let storage = MemoryStorage()
        let writer = try reopen(storage)
        let answers = Collector<Answer>()
        var records = (0..<10).map { JournalRecord.entry($0) }
        records[8] = JournalRecord(.ordinary, key: UUID(high: 1, low: 1), expires: 1)
        writer.append(contentsOf: records, mayUseReserve: true) { answers.take($0) }
        _ = answers.wait(for: 1)
        let files = storage.files
        writer.close()
        let crashed = MemoryStorage(files: files)
        crashed.edit(firstSegment) { file in for index in 0..<64 { file[offset(7) + index] = 0 } }
        return crashed
    }

    @Test func `many records are read back whole, and damage anywhere is found`() throws {
        let storage = MemoryStorage()
        let writer = try reopen(storage, .test(segmentRecordCount: 30_000))
        let answers = Collector<Answer>()
        // More than one piece of a file, one batch and one segment.
        for start in stride(from: UInt64(0), to: 50_000, by: 1_000) {
            writer.append(contentsOf: (start..<(start + 1_000)).map { .entry($0) }, mayUseReserve: true) {
                answers.take($0)
            }
        }
        _ = answers.wait(for: 50)
        writer.close()
        let records = try replay(storage).records
        #expect(records.filter { $0.kind == .entry }.map(\.key.low) == Array(0..<50_000))
        for seq in [16_384, 16_385, 20_480, 29_999] {
            let damaged = MemoryStorage(files: storage.files)
            damaged.edit(firstSegment) { $0[offset(seq) + 40] ^= 1 }
            let expectation = try checksumExpectation(damaged.files[firstSegment] ?? [], offset(seq))
            #expect(
                throws: JournalError.corrupt(
                    file: firstSegment, offset: UInt64(offset(seq)), expectation: expectation)
            ) { try replay(damaged) }
        }
    }

    @Test func `records above a hole are salvaged if they are safe alone`() throws {
        let storage = try hole()
        let (records, report) = try replay(storage)
        #expect(records.filter { $0.kind == .entry }.map(\.key.low) == [0, 1, 2, 3, 4, 6, 7, 9])
        #expect(!records.contains { $0.kind == .ordinary })
        #expect(report.salvagedCount == 3)
    }

    @Test func `a record that depends on the one before it is not salvaged without it`() throws {
        let storage = MemoryStorage()
        let writer = try reopen(storage)
        let answers = Collector<Answer>()
        let dependent = JournalRecord(.merged, key: UUID(high: 2, low: 2), expires: 9, flags: dependentFlag)
        writer.append(contentsOf: [.entry(1), .entry(2), dependent, .entry(3)], mayUseReserve: true) {
            answers.take($0)
        }
        _ = answers.wait(for: 1)
        let files = storage.files
        writer.close()
        let crashed = MemoryStorage(files: files)
        crashed.edit(firstSegment) { file in for index in 0..<64 { file[offset(3) + index] = 0 } }
        let (records, _) = try replay(crashed)
        #expect(records.filter { $0.kind == .entry }.map(\.key.low) == [1, 3])
        #expect(!records.contains { $0.kind == .merged })
    }

    @Test func `what was saved is written again and lasts`() throws {
        let storage = try hole()
        try reopen(storage).close()
        let (records, report) = try replay(storage)
        #expect(records.filter { $0.kind == .entry }.map(\.key.low) == [0, 1, 2, 3, 4, 6, 7, 9])
        #expect(report.salvagedCount == 0)
        #expect(records.map(\.seq) == Array(1...UInt64(records.count)))
    }

    @Test func `records of another salt in the tail do not count`() throws {
        let storage = try crashed(after: 3)
        var stale: [UInt8] = []
        var record = JournalRecord.entry(77)
        record.seq = 5
        record.write(to: &stale, salt: 12_345, durableSeq: 4)
        storage.edit(firstSegment) { $0.replaceSubrange(offset(5)..<(offset(5) + 64), with: stale) }
        let (records, report) = try replay(storage)
        #expect(records.count == 4)
        #expect(report.tornByteCount == 64)
    }

    @Test func `a temporary file is removed, whatever is in it`() throws {
        let storage = try crashed(after: 1)
        storage.edit("0000000000000002-0000000000000003.jrn.tmp") { $0 = [1, 2, 3] }
        #expect(try replay(storage).records.count == 2)
        #expect(storage.files.count == 1)
    }

    @Test func `a missing segment is refused`() throws {
        let storage = MemoryStorage()
        for _ in 0..<3 { try reopen(storage).close() }
        let second = try #require(storage.files.keys.sorted().dropFirst().first)
        let third = try #require(storage.files.keys.max())
        let cases = [
            (missing: firstSegment, named: second, sentence: "the first segment, number 1, is missing"),
            (missing: second, named: third, sentence: "segment 2 is missing"),
        ]
        for (missing, named, sentence) in cases {
            let copy = MemoryStorage(files: storage.files)
            copy.state.withLock { $0.files[missing] = nil }
            #expect(throws: JournalError.corrupt(file: named, offset: 32, expectation: sentence)) { try replay(copy) }
        }
    }

    @Test func `an earlier segment that lost its last record is refused`() throws {
        let storage = try crashed(after: 3)
        try reopen(storage).close()
        storage.edit(firstSegment) { $0.removeLast(64) }
        #expect(
            throws: JournalError.corrupt(
                file: firstSegment, offset: UInt64(offset(4)), expectation: "record 4 expected, the file ends")
        ) {
            try replay(storage)
        }
    }

    @Test func `a segment of another store is refused`() throws {
        let storage = MemoryStorage()
        try reopen(storage).close()
        let other = MemoryStorage()
        for _ in 0..<2 { try reopen(other, .test(random: TestRandom(9))).close() }
        let second = try #require(other.files.keys.sorted().last)
        storage.edit(second) { $0 = other.files[second] ?? [] }
        let (mine, foreign) = (try store(in: storage, firstSegment), try store(in: other, firstSegment))
        #expect(
            throws: JournalError.corrupt(file: second, offset: 16, expectation: "store \(mine), found \(foreign)")
        ) { try replay(storage) }
    }

    private func store(in storage: MemoryStorage, _ name: String) throws -> UUID {
        try SegmentHeader(storage.files[name] ?? [], name: try #require(SegmentName(name))).store
    }

    /// What is said of a record whose checksum is not the one of its octets.
    private func checksumExpectation(_ file: [UInt8], _ offset: Int) throws -> String {
        let salt = try SegmentHeader(file, name: try #require(SegmentName(firstSegment))).salt
        let covered = Array(file[(offset + 4)..<(offset + 64)])
        let computed = CRC32C.checksum(covered.span, seed: salt)
        let stored = (0..<4).reduce(UInt32(0)) { $0 | UInt32(file[offset + $1]) << UInt32(8 * $1) }
        return "checksum \(hex(UInt64(computed), digits: 8)) expected, \(hex(UInt64(stored), digits: 8)) found"
    }
}
