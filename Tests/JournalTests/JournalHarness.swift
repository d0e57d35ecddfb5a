import Encoding
import Foundation
@testable import Journal
import Platform
import Synchronization
import Testing

/// A clock that the test moves.
final class TestClock: Sendable {
    private let milliseconds: Atomic<Int64>

    init(_ milliseconds: Int64 = 1_800_000_000_000) { self.milliseconds = Atomic(milliseconds) }

    var clock: WallClock { WallClock { UnixMilliseconds(self.milliseconds.load(ordering: .relaxed)) } }

    func set(_ value: Int64) { milliseconds.store(value, ordering: .relaxed) }
}

/// SplitMix64, so that every run is the same run.
final class TestRandom: Sendable {
    private let state: Mutex<UInt64>

    init(_ seed: UInt64 = 1) { state = Mutex(seed) }

    func next() -> UInt64 {
        state.withLock { state in
            state &+= 0x9e37_79b9_7f4a_7c15
            var z = state
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
    }

    func below(_ bound: UInt64) -> UInt64 { next() % bound }
}

/// Values that arrive on other threads, and waiting for them.
final class Collector<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])
    private let arrived = DispatchSemaphore(value: 0)

    func take(_ value: Value) {
        values.withLock { $0.append(value) }
        arrived.signal()
    }

    /// All values so far, once `count` more have arrived.
    func wait(for count: Int) -> [Value] {
        for _ in 0..<count { arrived.wait() }
        return values.withLock { $0 }
    }

    var all: [Value] { values.withLock { $0 } }
}

typealias Answer = Result<JournalPosition, JournalError>

extension JournalOptions {
    static func test(
        clock: TestClock = TestClock(), random: TestRandom = TestRandom(), segmentRecordCount: UInt64? = nil,
        observe: @escaping @Sendable (JournalEvent) -> Void = { _ in }
    ) -> JournalOptions {
        var options = JournalOptions(clock: clock.clock, random: { random.next() })
        options.retryMilliseconds = 1...4
        options.observe = observe
        if let segmentRecordCount { options.segmentRecordCount = segmentRecordCount }
        return options
    }
}

/// Kinds of records that mean nothing, for a journal that does not ask.
extension JournalRecord.Kind {
    static let entry = JournalRecord.Kind(rawValue: 1)
    static let other = JournalRecord.Kind(rawValue: 2)
    /// Never applied without the records before it.
    static let ordinary = JournalRecord.Kind(rawValue: 3)
    static let merged = JournalRecord.Kind(rawValue: 4)
}

/// A flag of records that are not safe alone.
let dependentFlag: UInt8 = 8

extension JournalSchema {
    static let test = JournalSchema(
        kinds: [.entry, .other, .ordinary, .merged],
        isSafeAlone: { $0.kind != .ordinary && $0.flags & dependentFlag == 0 })
}

extension JournalRecord {
    static func entry(_ number: UInt64) -> JournalRecord {
        JournalRecord(.entry, key: UUID(high: 7, low: number), expires: UnixMilliseconds(Int64(number)))
    }
}

/// Reads everything, one by one and many at once with the same outcome, and leaves the journal locked by nobody.
func replay(_ storage: any JournalStorage) throws -> (records: [JournalRecord], report: JournalReport) {
    let single = Result { try replaySingly(storage) }
    let together = Result { try replayTogether(storage) }
    switch (single, together) {
    case (.success(let left), .success(let right)):
        #expect(left.records == right.records)
        #expect(left.report == right.report)
    case (.failure(let left), .failure(let right)):
        #expect(left as? JournalError == right as? JournalError)
    case (.success, .failure(let fault)), (.failure(let fault), .success):
        Issue.record("only one way of reading says \(fault)")
    }
    return try single.get()
}

private func replaySingly(_ storage: any JournalStorage) throws -> (records: [JournalRecord], report: JournalReport) {
    var reader = try JournalReader(storage, .test)
    defer { storage.unlock() }
    var records: [JournalRecord] = []
    while let record = try reader.next() { records.append(record) }
    return (records, reader.report)
}

private func replayTogether(_ storage: any JournalStorage) throws -> (records: [JournalRecord], report: JournalReport) {
    var reader = try JournalReader(storage, .test)
    defer { storage.unlock() }
    var records: [JournalRecord] = []
    try reader.replay { records += $0 }
    return (records, reader.report)
}

/// Reads everything and begins to write.
func reopen(_ storage: any JournalStorage, _ options: JournalOptions = .test()) throws -> JournalWriter {
    var reader = try JournalReader(storage, .test)
    while try reader.next() != nil {}
    return try reader.intoWriter(options)
}

extension JournalWriter {
    /// Appends and waits for the answer.
    func write(_ record: JournalRecord) throws(JournalError) -> JournalPosition {
        let answers = Collector<Answer>()
        append(record, mayUseReserve: true) { answers.take($0) }
        return try answers.wait(for: 1)[0].get()
    }
}

/// A directory that goes away with the test.
final class TemporaryDirectory: Sendable {
    let path: String

    init() {
        path = NSTemporaryDirectory() + "journal-" + Foundation.UUID().uuidString
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func bytes(_ name: String) throws -> [UInt8] {
        try Array(Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")))
    }

    func put(_ name: String, _ octets: [UInt8]) throws {
        try Data(octets).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }

    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }

    func permissions(_ name: String = "") throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: "\(path)/\(name)")
        return attributes[.posixPermissions] as? Int ?? -1
    }
}

let firstSegment = "0000000000000001-0000000000000001.jrn"
