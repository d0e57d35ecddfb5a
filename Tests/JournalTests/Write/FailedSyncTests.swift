import Encoding
import Foundation
@testable import Journal
import Synchronization
import TestForm
import Testing

@Suite("Failed writes and syncs: never retried on the same file, nothing false acknowledged (H15)")
struct FailedSyncTests {
    private let fault = JournalError.io(function: "pwrite", errno: 5, path: "x")
    private let full = JournalError.io(function: "pwrite", errno: 28, path: "x")

    private func numbers(_ storage: any JournalStorage) throws -> [UInt64] {
        try replay(storage).records.filter { $0.kind == .entry }.map(\.key.low)
    }

    @Test func `what was not acknowledged goes to a new segment, and nobody notices`() throws {
        let storage = MemoryStorage()
        let events = Collector<JournalEvent>()
        let writer = try reopen(storage, .test(observe: { events.take($0) }))
        _ = try writer.write(.entry(1))
        let before = try #require(storage.files[firstSegment])
        let failing = storage.writeCount + 1
        let fault = fault
        storage.onWrite { $0 == failing ? fault : nil }
        #expect(try writer.write(.entry(2)).seq == 3)
        #expect(try writer.write(.entry(3)).seq == 4)
        #expect(events.all == [.rewritten(reason: fault.description)])
        #expect(writer.isWritable && writer.statistics.failureCount == 1)
        #expect(storage.files[firstSegment] == before)
        #expect(storage.files["0000000000000002-0000000000000003.jrn"] != nil)
        writer.close()
        #expect(try numbers(storage) == [1, 2, 3])
    }

    @Test func `what the failed write left in the old segment does not count`() throws {
        let storage = MemoryStorage()
        let writer = try reopen(storage)
        _ = try writer.write(.entry(1))
        let failing = storage.writeCount + 1
        let fault = fault
        // All of it reaches the medium, and the sync fails all the same.
        storage.onWrite { number in
            guard number == failing else { return nil }
            storage.edit(firstSegment) { file in
                var stray = JournalRecord.entry(666)
                stray.seq = 3
                let header = try? SegmentHeader(
                    Array(file.prefix(4_096)), name: SegmentName(number: 1, firstSeq: 1))
                var octets: [UInt8] = []
                stray.write(to: &octets, salt: header?.salt ?? 0, durableSeq: 2)
                file.replaceSubrange((4_096 + 2 * 64)..<(4_096 + 3 * 64), with: octets)
            }
            return fault
        }
        _ = try writer.write(.entry(2))
        _ = try writer.compact(OddOnes())
        _ = try writer.write(.entry(3))
        writer.close()
        #expect(try numbers(storage) == [1, 3])
        #expect(try JournalInspection(storage, .test).findings.isEmpty)
    }

    @Test func `if a new segment cannot be begun nothing is acknowledged, and it heals by itself`() throws {
        let storage = MemoryStorage()
        let events = Collector<JournalEvent>()
        let writer = try reopen(storage, .test(observe: { events.take($0) }))
        _ = try writer.write(.entry(1))
        let durable = writer.durableSeq
        let fault = fault
        storage.onWrite { _ in fault }
        let answers = Collector<Answer>()
        for number in UInt64(10)..<13 { writer.append(.entry(number), mayUseReserve: true) { answers.take($0) } }
        let reason = JournalError.unwritable(reason: fault.description)
        #expect(answers.wait(for: 3) == Array(repeating: .failure(reason), count: 3))
        #expect(events.wait(for: 1) == [.unwritable(reason: fault.description)])
        #expect(!writer.isWritable && writer.fault == reason && writer.durableSeq == durable)
        #expect(throws: reason) { try writer.write(.entry(14)) }
        #expect(throws: reason) { try writer.compact(OddOnes()) }
        writer.whenDurable(durable + 1) { answers.take($0.map { JournalPosition(seq: $0, time: 0) }) }
        #expect(answers.wait(for: 1).last == .failure(reason))
        let known = storage.writeCount
        while storage.writeCount < known + 5 { usleep(1_000) }
        storage.onWrite(nil)
        #expect(events.wait(for: 1).last == .healed)
        #expect(writer.isWritable && writer.fault == nil)
        // The places of what was given up are given again.
        #expect(try writer.write(.entry(15)).seq == durable + 2)
        writer.close()
        let (records, report) = try replay(storage)
        #expect(report.isClean)
        #expect(records.map(\.seq) == Array(1...UInt64(records.count)))
        #expect(records.filter { $0.kind == .entry }.map(\.key.low) == [1, 15])
    }

    @Test func `closing while nothing can be written ends, and the next start finds what was acknowledged`() throws {
        let storage = MemoryStorage()
        let writer = try reopen(storage)
        _ = try writer.write(.entry(1))
        let fault = fault
        storage.onWrite { _ in fault }
        #expect(throws: JournalError.unwritable(reason: "\(fault)")) { try writer.write(.entry(2)) }
        writer.close()
        #expect(!storage.state.withLock { $0.isLocked })
        storage.onWrite(nil)
        #expect(try numbers(storage) == [1])
    }

    @Test func `on a full disk nothing is laid out ahead, until there is room`() throws {
        let storage = MemoryStorage()
        let writer = try reopen(storage)
        let failing = storage.writeCount + 1
        let full = full
        storage.onWrite { $0 == failing ? full : nil }
        _ = try writer.write(.entry(1))
        let second = "0000000000000002-0000000000000002.jrn"
        #expect(storage.files[second]?.count == 4_096 + 64)
        _ = try writer.write(.entry(2))
        #expect(storage.files[second]?.count == 4_096 + 128)
        writer.close()
        #expect(try numbers(storage) == [1, 2])
    }

    @Test func `a start without room to lay out fails, though the first record would fit`() throws {
        let storage = MemoryStorage()
        let full = full
        storage.onWrite { $0 == 1 ? full : nil }
        #expect(throws: full) { try reopen(storage) }
        #expect(storage.files.isEmpty)
    }

    @Test func `a segment that cannot be cut to its end is no failure`() throws {
        let storage = MemoryStorage()
        storage.failTruncation()
        let writer = try reopen(storage, .test(segmentRecordCount: 4))
        for number in UInt64(0)..<10 { _ = try writer.write(.entry(number)) }
        #expect(writer.isWritable && writer.statistics.failureCount == 0)
        writer.close()
        #expect(try numbers(storage) == Array(0..<10))
    }

    @Test func `nothing is begun after a segment that is gone`() throws {
        let storage = MemoryStorage()
        let events = Collector<JournalEvent>()
        let writer = try reopen(storage, .test(observe: { events.take($0) }))
        let failing = storage.writeCount + 1
        let fault = fault
        storage.onWrite { number in
            if number == failing { storage.state.withLock { $0.files[firstSegment] = nil } }
            return number == failing ? fault : nil
        }
        #expect(throws: JournalError.unwritable(reason: JournalError.replaced(path: firstSegment).description)) {
            try writer.write(.entry(1))
        }
        writer.close()
        #expect(storage.files.isEmpty)
    }

    @Test func `a fault at any write, once or for a while, loses nothing acknowledged`() throws {
        let random = TestRandom(7)
        for round in 0..<TestForm.pick(quick: 30, normal: 150) {
            let storage = MemoryStorage()
            let writer = try reopen(storage, .test(random: random, segmentRecordCount: 2 + random.below(9)))
            let start = storage.writeCount + 1 + Int(random.below(20))
            let end = start + Int(random.below(6))
            let fault = round % 2 == 0 ? fault : full
            storage.onWrite { (start...end).contains($0) ? fault : nil }
            var acknowledged: [UInt64] = []
            for number in UInt64(0)..<30 {
                if (try? writer.write(.entry(number))) != nil { acknowledged.append(number) }
                while !writer.isWritable { usleep(200) }
                if number % 13 == 12 { _ = try? writer.compact(Everything()) }
            }
            // As a crash leaves it, and as a stop does.
            let crashed = MemoryStorage(files: storage.files)
            writer.close()
            for storage in [crashed, storage] {
                let (records, _) = try replay(storage)
                #expect(records.filter { $0.kind == .entry }.map(\.key.low) == acknowledged, "round \(round)")
            }
        }
    }
}

struct Everything: CompactionFilter {
    mutating func keeps(_ record: JournalRecord) -> Bool { true }
    var replacements: [JournalRecord] { [] }
}
