import Encoding
import Foundation
import Glibc
@testable import Journal
import Platform
import Testing

@Suite("Commits: acknowledged only when durable (H12, H15)")
struct JournalWriterTests {
    @Test func `what queues during one sync goes out in the next, all of it`() throws {
        let storage = MemoryStorage()
        let writer = try reopen(storage)
        let entered = DispatchSemaphore(value: 0)
        let gate = DispatchSemaphore(value: 0)
        let slow = storage.writeCount + 1
        storage.onWrite { number in
            if number == slow {
                entered.signal()
                gate.wait()
            }
            return nil
        }
        let answers = Collector<Answer>()
        writer.append(.entry(0), mayUseReserve: true) { answers.take($0) }
        entered.wait()
        for number in 1...500 { writer.append(.entry(UInt64(number)), mayUseReserve: true) { answers.take($0) } }
        #expect(answers.all.isEmpty)
        gate.signal()
        let seqs = try answers.wait(for: 501).map { try $0.get().seq }
        #expect(seqs == Array(2...502))
        #expect(storage.writeCount == slow + 1)
        #expect(writer.statistics.batchCountMax == 500)
        writer.close()
    }

    @Test func `a thread that works in turns wakes the writer once, after all records of its turn`() throws {
        let writer = try reopen(MemoryStorage())
        _ = try writer.write(.entry(0))
        // The writer sleeps by now.
        usleep(50_000)
        let before = writer.statistics
        let turn = Turn(collectsLines: false)
        turn.begin()
        defer { turn.finish() }
        let answers = Collector<Answer>()
        for number in UInt64(1)...20 {
            writer.append(.entry(number), mayUseReserve: true) { answers.take($0) }
            usleep(1_000)
        }
        #expect(answers.all.isEmpty)
        turn.end()
        _ = answers.wait(for: 20)
        #expect(writer.statistics.commitCount == before.commitCount + 1)
        // A turn with many records does not delay them all.
        for number in UInt64(21)...100 { writer.append(.entry(number), mayUseReserve: true) { answers.take($0) } }
        _ = answers.wait(for: 32)
        turn.end()
        _ = answers.wait(for: 48)
        writer.close()
    }

    @Test func `records are committed although fewer come than before`() throws {
        let writer = try reopen(MemoryStorage())
        let answers = Collector<Answer>()
        for round in UInt64(0)..<50 {
            // One turn of many records, so that the writer expects many, then fewer and fewer.
            let count: UInt64 = round % 2 == 0 ? 40 : round < 30 ? 30 - round : 1
            let turn = Turn(collectsLines: false)
            turn.begin()
            for number in 0..<count { writer.append(.entry(number), mayUseReserve: true) { answers.take($0) } }
            turn.finish()
            _ = answers.wait(for: Int(count))
        }
        for number in UInt64(0)..<5 { _ = try writer.write(.entry(number)) }
        writer.close()
    }

    @Test func `no answer comes before its sync`() throws {
        let storage = MemoryStorage()
        let writer = try reopen(storage)
        for number in 0..<20 {
            storage.note("appended")
            _ = try writer.write(.entry(UInt64(number)))
            storage.note("answered")
        }
        let log = storage.log.dropFirst()
        #expect(Array(log) == (0..<20).flatMap { _ in ["appended", "synced", "answered"] })
        writer.close()
    }

    @Test func `a start on a directory that cannot be written fails`() {
        let storage = MemoryStorage()
        storage.onWrite { _ in .io(function: "open", errno: 30, path: "x") }
        #expect(throws: JournalError.io(function: "open", errno: 30, path: "x")) { try reopen(storage) }
        #expect(!storage.state.withLock { $0.isLocked })
    }

    @Test func `waiting for a durable record answers at once`() throws {
        let writer = try reopen(MemoryStorage())
        let position = try writer.write(.entry(1))
        let answers = Collector<UInt64>()
        writer.whenDurable(position.seq) { _ in answers.take(position.seq) }
        #expect(answers.all == [position.seq])
        writer.close()
    }

    @Test func `waiting for a record under way answers after its sync`() throws {
        let storage = MemoryStorage()
        let writer = try reopen(storage)
        let entered = DispatchSemaphore(value: 0)
        let gate = DispatchSemaphore(value: 0)
        storage.onWrite { _ in
            entered.signal()
            gate.wait()
            return nil
        }
        writer.append(.entry(1), mayUseReserve: true) { _ in }
        entered.wait()
        storage.onWrite(nil)
        let answers = Collector<UInt64>()
        writer.whenDurable(writer.lastSeq) { if case .success(let seq) = $0 { answers.take(seq) } }
        #expect(answers.all.isEmpty)
        gate.signal()
        #expect(answers.wait(for: 1) == [2])
        writer.close()
    }

    @Test func `time never goes backwards, restarts included`() throws {
        let storage = MemoryStorage()
        let clock = TestClock(5_000)
        let writer = try reopen(storage, .test(clock: clock))
        #expect(try writer.write(.entry(1)).time == 5_000)
        clock.set(4_000)
        #expect(try writer.write(.entry(2)).time == 5_000)
        clock.set(6_000)
        #expect(try writer.write(.entry(3)).time == 6_000)
        writer.close()
        clock.set(1_000)
        let again = try reopen(storage, .test(clock: clock))
        #expect(try again.write(.entry(4)).time == 6_000)
        again.close()
    }

    @Test func `closing makes what is queued durable and seals`() throws {
        let storage = MemoryStorage()
        let writer = try reopen(storage)
        let answers = Collector<Answer>()
        for number in 0..<100 { writer.append(.entry(UInt64(number)), mayUseReserve: true) { answers.take($0) } }
        writer.close()
        #expect(answers.wait(for: 100).allSatisfy { (try? $0.get()) != nil })
        writer.append(.entry(1), mayUseReserve: true) { answers.take($0) }
        #expect(answers.wait(for: 1).last == .failure(.closed))
        let (records, report) = try replay(storage)
        #expect(records.count == 102 && records.last?.kind == .seal)
        #expect(report.isClean)
        #expect(storage.files[firstSegment]?.count == 4_096 + 102 * 64)
    }

    @Test func `a full segment is sealed and the next one follows from it`() throws {
        let storage = MemoryStorage()
        let writer = try reopen(storage, .test(segmentRecordCount: 8))
        let answers = Collector<Answer>()
        for number in 0..<50 { writer.append(.entry(UInt64(number)), mayUseReserve: true) { answers.take($0) } }
        _ = answers.wait(for: 50)
        writer.close()
        let (records, report) = try replay(storage)
        #expect(records.filter { $0.kind == .entry }.map(\.key.low) == Array(0..<50))
        #expect(records.map(\.seq) == Array(1...UInt64(records.count)))
        #expect(report.segmentCount == 8)
        for (name, octets) in storage.files { #expect(octets.count <= 4_096 + 8 * 64, "\(name)") }
    }

    @Test func `any number of appending threads is served, in one order`() throws {
        let storage = MemoryStorage()
        let writer = try reopen(storage, .test(segmentRecordCount: 1_000))
        let answers = Collector<Answer>()
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            for number in 0..<1_000 {
                writer.append(.entry(UInt64(thread * 1_000 + number)), mayUseReserve: true) { answers.take($0) }
            }
        }
        let seqs = try answers.wait(for: 8_000).map { try $0.get().seq }
        #expect(seqs == seqs.sorted() && Set(seqs).count == 8_000)
        writer.close()
        let tokens = try replay(storage).records.filter { $0.kind == .entry }
        #expect(Set(tokens.map(\.key.low)) == Set(0..<8_000))
    }

    @Test func `replay equals what was acknowledged, over many restarts and crashes`() throws {
        let random = TestRandom(42)
        var storage = MemoryStorage()
        var model: [JournalRecord] = []
        for _ in 0..<60 {
            let writer = try reopen(storage, .test(random: random, segmentRecordCount: 40))
            for _ in 0..<random.below(60) {
                let record = JournalRecord(
                    [.entry, .other, .ordinary, .merged][Int(random.below(4))],
                    key: UUID(high: random.next(), low: random.next()),
                    expires: UnixMilliseconds(Int64(random.below(1 << 60))),
                    value: random.next(), flags: UInt8(random.below(256)), reason: UInt16(random.below(65_536)))
                let position = try writer.write(record)
                var placed = record
                placed.seq = position.seq
                placed.time = position.time
                model.append(placed)
            }
            let files = storage.files
            writer.close()
            if random.below(2) == 0 { storage = MemoryStorage(files: files) }
            let records = try replay(storage).records.filter { $0.kind != .open && $0.kind != .seal }
            #expect(records == model)
        }
    }
}
