import Encoding
import Foundation
@testable import Journal
import Synchronization
import Testing

/// Keeps refusals with an odd number, and of the cuts one with the highest value.
struct OddOnes: CompactionFilter {
    private var newest: JournalRecord?

    mutating func keeps(_ record: JournalRecord) -> Bool {
        guard record.kind == .merged else { return record.key.low % 2 == 1 }
        if record.value >= newest?.value ?? 0 { newest = record }
        return false
    }

    var replacements: [JournalRecord] { newest.map { [$0] } ?? [] }
}

@Suite("Compaction: sealed files become a snapshot, crash-safe at each step (H14)")
struct CompactionTests {
    private let snapshot = "0000000000000001.snap"

    /// Numbers of the refusals in a journal, in order.
    private func numbers(_ storage: any JournalStorage) throws -> [UInt64] {
        try replay(storage).records.filter { $0.kind == .entry }.map(\.key.low)
    }

    @Test func `a snapshot stands for everything before the segment that is being written`() throws {
        let storage = MemoryStorage()
        let writer = try reopen(storage)
        var positions: [UInt64: JournalPosition] = [:]
        for number in UInt64(0)..<10 { positions[number] = try writer.write(.entry(number)) }
        for value in UInt64(1)...3 {
            _ = try writer.write(JournalRecord(.merged, key: UUID(high: 1, low: 1), expires: 9, value: value))
        }
        let report = try writer.compact(OddOnes())
        #expect(report.readCount == 15 && report.keptCount == 6 && report.segmentCount == 1)
        #expect(writer.extent == JournalExtent(recordCount: 7, segmentCount: 1))
        #expect(storage.files.keys.sorted() == ["0000000000000001.snap", "0000000000000002-0000000000000010.jrn"])
        let after = try writer.write(.entry(100))
        #expect(after.seq == 17)
        writer.close()
        let (records, found) = try replay(storage)
        #expect(found.snapshotRecordCount == 6)
        let refusals = records.filter { $0.kind == .entry }
        #expect(refusals.map(\.key.low) == [1, 3, 5, 7, 9, 100])
        for record in refusals.dropLast() {
            #expect(JournalPosition(seq: record.seq, time: record.time) == positions[record.key.low])
        }
        #expect(records.filter { $0.kind == .merged }.map(\.value) == [3])
    }

    @Test func `sequence, time and store go on over a compaction and a restart`() throws {
        let storage = MemoryStorage()
        let clock = TestClock(5_000)
        var writer = try reopen(storage, .test(clock: clock))
        let store = writer.store
        _ = try writer.write(.entry(2))
        _ = try writer.compact(OddOnes())
        let last = writer.lastSeq
        writer.close()
        clock.set(1_000)
        writer = try reopen(storage, .test(clock: clock, random: TestRandom(77)))
        #expect(writer.store == store)
        let position = try writer.write(.entry(4))
        #expect(position == JournalPosition(seq: last + 3, time: 5_000))
        writer.close()
    }

    @Test func `a snapshot follows a snapshot`() throws {
        let storage = MemoryStorage()
        var expected: [UInt64] = []
        for round in UInt64(0)..<5 {
            let writer = try reopen(storage, .test(random: TestRandom(round), segmentRecordCount: 4))
            for number in 0..<10 {
                _ = try writer.write(.entry(round * 10 + UInt64(number)))
                if number % 2 == 1 { expected.append(round * 10 + UInt64(number)) }
            }
            _ = try writer.compact(OddOnes())
            #expect(storage.files.keys.filter { $0.hasSuffix(".snap") }.count == 1)
            #expect(storage.files.count == 2)
            writer.close()
        }
        #expect(try numbers(storage) == expected)
    }

    @Test func `commits go on while a snapshot is being written`() throws {
        let storage = MemoryStorage()
        let writer = try reopen(storage)
        for number in UInt64(0)..<10 { _ = try writer.write(.entry(number)) }
        let entered = DispatchSemaphore(value: 0)
        let gate = DispatchSemaphore(value: 0)
        storage.onBegin {
            entered.signal()
            gate.wait()
        }
        let reports = Collector<CompactionReport?>()
        Thread.detachNewThread { reports.take(try? writer.compact(OddOnes())) }
        entered.wait()
        for number in UInt64(20)..<30 { _ = try writer.write(.entry(number)) }
        #expect(reports.all.isEmpty)
        gate.signal()
        #expect(reports.wait(for: 1)[0]?.keptCount == 5)
        writer.close()
        #expect(try numbers(storage) == [1, 3, 5, 7, 9] + Array(20..<30))
    }

    @Test func `closing ends a compaction before the lock is given back`() throws {
        let storage = MemoryStorage()
        let writer = try reopen(storage)
        for number in UInt64(0)..<10 { _ = try writer.write(.entry(number)) }
        let entered = DispatchSemaphore(value: 0)
        let gate = DispatchSemaphore(value: 0)
        storage.onBegin {
            entered.signal()
            gate.wait()
        }
        let faults = Collector<JournalError?>()
        Thread.detachNewThread {
            do throws(JournalError) {
                _ = try writer.compact(OddOnes())
                faults.take(nil)
            } catch {
                faults.take(error)
            }
        }
        entered.wait()
        let closed = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            writer.close()
            closed.signal()
        }
        while writer.isWritable { usleep(1_000) }
        #expect(storage.state.withLock { $0.isLocked })
        gate.signal()
        closed.wait()
        #expect(faults.wait(for: 1) == [.closed])
        #expect(!storage.state.withLock { $0.isLocked })
        #expect(try numbers(storage) == Array(0..<10))
        #expect(!storage.files.keys.contains { $0.hasSuffix(".tmp") })
        #expect(throws: JournalError.closed) { try writer.compact(OddOnes()) }
    }

    /// Everything that was refused for good must still be, whatever is left of the even ones.
    private func check(_ files: [String: [UInt8]], _ comment: String) throws {
        let storage = MemoryStorage(files: files)
        let found = try numbers(storage)
        #expect(found.filter { $0 % 2 == 1 } == [1, 3, 5, 7, 9, 11], "\(comment)")
        // And the journal can be written and compacted after it.
        let writer = try reopen(storage, .test(random: TestRandom(5)))
        _ = try writer.write(.entry(13))
        _ = try writer.compact(OddOnes())
        writer.close()
        #expect(try numbers(storage) == [1, 3, 5, 7, 9, 11, 13], "\(comment)")
        #expect(storage.files.count == 2, "\(comment)")
    }

    @Test func `a crash after any change of the directory loses nothing`() throws {
        let storage = MemoryStorage()
        var writer = try reopen(storage, .test(segmentRecordCount: 4))
        for number in UInt64(0)..<6 { _ = try writer.write(.entry(number)) }
        _ = try writer.compact(OddOnes())
        for number in UInt64(6)..<12 { _ = try writer.write(.entry(number)) }
        storage.keepStates()
        _ = try writer.compact(OddOnes())
        let states = storage.states
        writer.close()
        #expect(states.count >= 10)
        for (index, files) in states.enumerated() { try check(files, "change \(index)") }
        // A restart that a crash interrupts, too.
        let interrupted = try #require(states.last { files in files.keys.filter { $0.hasSuffix(".snap") }.count == 2 })
        let again = MemoryStorage(files: interrupted)
        again.keepStates()
        writer = try reopen(again, .test(random: TestRandom(6)))
        for (index, files) in again.states.enumerated() { try check(files, "restart, change \(index)") }
        writer.close()
    }

    @Test func `a fault at any operation leaves the old files, and the next try succeeds`() throws {
        var operation = 1
        var faults = 0
        while true {
            let storage = MemoryStorage()
            let writer = try reopen(storage, .test(segmentRecordCount: 4))
            for number in UInt64(0)..<12 { _ = try writer.write(.entry(number)) }
            let failed = Atomic<Bool>(false)
            let failing = operation
            storage.onCompaction { number in
                guard number == failing else { return nil }
                failed.store(true, ordering: .relaxed)
                return .io(function: "any", errno: 5, path: "x")
            }
            let report = try? writer.compact(OddOnes())
            storage.onCompaction(nil)
            #expect(writer.isWritable)
            try check(storage.files, "operation \(operation)")
            let second = try writer.compact(OddOnes())
            #expect(second.segmentCount > 0)
            writer.close()
            #expect(try numbers(storage) == [1, 3, 5, 7, 9, 11])
            guard failed.load(ordering: .relaxed) else { break }
            #expect(report == nil)
            faults += 1
            operation += 1
        }
        #expect(faults >= 8)
    }

    @Test func `what the disk returns differently is never relied on`() throws {
        let storage = MemoryStorage()
        let writer = try reopen(storage)
        for number in UInt64(0)..<10 { _ = try writer.write(.entry(number)) }
        storage.onRead { name in
            if name.hasSuffix(".snap.tmp") { storage.edit(name) { $0[4_096 + 70] = 0xee } }
        }
        let fault = #expect(throws: JournalError.self) { try writer.compact(OddOnes()) }
        #expect("\(fault, default: "")".hasPrefix("0000000000000001.snap.tmp is damaged at offset 4160: checksum "))
        storage.onRead(nil)
        #expect(!storage.files.keys.contains { $0.contains(".snap") })
        writer.close()
        #expect(try numbers(storage) == Array(0..<10))
    }

    private func compacted() throws -> MemoryStorage {
        let storage = MemoryStorage()
        let writer = try reopen(storage)
        for number in UInt64(0)..<10 { _ = try writer.write(.entry(number)) }
        _ = try writer.compact(OddOnes())
        writer.close()
        return storage
    }

    @Test(arguments: [0, 8, 13, 20, 33, 41, 60, 65, 73, 81, 4_000, 4_100, 4_112, 4_120, 4_152, 4_096 + 64 * 4])
    func `a flipped bit in the only snapshot is refused with its name`(_ offset: Int) throws {
        let storage = try compacted()
        storage.edit(snapshot) { $0[offset] ^= 4 }
        let fault = #expect(throws: JournalError.self) { try replay(storage) }
        #expect(fault?.description.contains(snapshot) == true)
        #expect(try JournalInspection(storage, .test).isDamaged)
    }

    @Test(arguments: [-4_096, -64, -1, 1, 64])
    func `a snapshot of another length is refused`(_ change: Int) throws {
        let storage = try compacted()
        storage.edit(snapshot) { file in
            if change < 0 { file.removeLast(-change) } else { file += Array(repeating: 0, count: change) }
        }
        let length = UInt64(storage.files[snapshot]?.count ?? 0)
        let expected = length < 4_096 ? "4,096 bytes of header" : "5 records"
        #expect(throws: JournalError.corrupt(file: snapshot, offset: length, expectation: expected)) {
            try replay(storage)
        }
    }

    @Test func `a damaged snapshot costs nothing while the files it stands for are there`() throws {
        let storage = MemoryStorage()
        let writer = try reopen(storage)
        for number in UInt64(0)..<10 { _ = try writer.write(.entry(number)) }
        storage.keepStates()
        _ = try writer.compact(OddOnes())
        writer.close()
        let both = try #require(storage.states.first { $0[snapshot] != nil && $0[firstSegment] != nil })
        for offset in [20, 4_100] {
            let copy = MemoryStorage(files: both)
            copy.edit(snapshot) { $0[offset] ^= 1 }
            #expect(try numbers(copy) == Array(0..<10))
        }
    }

    @Test func `without its snapshot, or the segment after it, a journal is refused`() throws {
        let storage = try compacted()
        for name in storage.files.keys {
            let copy = MemoryStorage(files: storage.files)
            copy.state.withLock { $0.files[name] = nil }
            let fault =
                name == snapshot
                ? JournalError.corrupt(
                    file: "0000000000000002-000000000000000d.jrn", offset: 32,
                    expectation: "the first segment, number 1, is missing")
                : JournalError.corrupt(file: snapshot, offset: 32, expectation: "segment 2 is missing")
            #expect(throws: fault, "\(name)") { try replay(copy) }
        }
    }

    @Test func `a snapshot of another store, or with records of another place, is refused`() throws {
        let storage = try compacted()
        let foreign = MemoryStorage()
        let writer = try reopen(foreign, .test(random: TestRandom(9)))
        for number in UInt64(0)..<10 { _ = try writer.write(.entry(number)) }
        _ = try writer.compact(OddOnes())
        writer.close()
        let other = MemoryStorage(files: storage.files)
        other.edit(snapshot) { $0 = foreign.files[snapshot] ?? [] }
        let fault = #expect(throws: JournalError.self) { try replay(other) }
        let sentence = "0000000000000002-000000000000000d.jrn is damaged at offset 16: store "
        #expect("\(fault, default: "")".hasPrefix(sentence))
        let swapped = MemoryStorage(files: storage.files)
        swapped.edit(snapshot) { file in
            let first = Array(file[4_096..<4_160])
            file.replaceSubrange(4_096..<4_160, with: file[4_160..<4_224])
            file.replaceSubrange(4_160..<4_224, with: first)
        }
        #expect(
            throws: JournalError.corrupt(
                file: snapshot, offset: 4_096, expectation: "record 0 expected, record 1 found")
        ) {
            try replay(swapped)
        }
    }

    @Test func `looking at a compacted journal sees the snapshot and the segments after it`() throws {
        let storage = try compacted()
        var offsets: [UInt64] = []
        let inspection = try JournalInspection(storage, .test) { record, file, offset in
            if file == snapshot { offsets.append(offset) }
        }
        #expect(inspection.findings.isEmpty)
        #expect(inspection.snapshot?.recordCount == 5)
        #expect(inspection.segments.count == 1)
        #expect(inspection.recordCounts[.entry] == 5)
        #expect(inspection.lastSeq == 14)
        #expect(offsets == (0..<5).map { 4_096 + $0 * 64 })
    }

    @Test func `a snapshot's name is read as it is written`() {
        #expect(SnapshotName("0000000000000001.snap")?.number == 1)
        for name in ["1.snap", "000000000000000G.snap", "+000000000000001.snap", "0000000000000001.snap.tmp", ".snap"] {
            #expect(SnapshotName(name) == nil, "\(name)")
        }
    }

    @Test func `on a real disk too`() throws {
        let directory = TemporaryDirectory()
        let writer = try reopen(DirectoryStorage(path: directory.path))
        let answers = Collector<Answer>()
        for number in UInt64(0)..<30_000 { writer.append(.entry(number), mayUseReserve: true) { answers.take($0) } }
        _ = answers.wait(for: 30_000)
        let report = try writer.compact(OddOnes())
        #expect(report.keptCount == 15_000)
        #expect(try directory.names() == [snapshot, "0000000000000002-0000000000007533.jrn", "LOCK"])
        #expect(try directory.permissions(snapshot) == 0o600)
        #expect(try directory.bytes(snapshot).count == 4_096 + 15_000 * 64)
        writer.close()
        #expect(try numbers(DirectoryStorage(path: directory.path)).count == 15_000)
    }
}
