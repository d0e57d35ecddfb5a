import Encoding
@testable import Journal
import Synchronization
import Testing

@Suite("The reserve on a full disk")
struct ReserveTests {
    private static let byteCount = 8_192
    private let full = JournalError.io(function: "pwrite", errno: 28, path: "disk")

    private func options(_ events: Collector<JournalEvent>) -> JournalOptions {
        var options = JournalOptions.test(observe: { events.take($0) })
        options.reserveByteCount = Self.byteCount
        options.pace = .stepped
        return options
    }

    private func answer(
        _ writer: JournalWriter, _ record: JournalRecord, mayUseReserve: Bool = true
    ) -> Answer? {
        let answers = Collector<Answer>()
        writer.append(record, mayUseReserve: mayUseReserve) { answers.take($0) }
        _ = writer.step()
        return answers.all.first
    }

    private static let ordinary = JournalRecord(.ordinary, key: UUID(high: 8, low: 8), expires: 9, value: 1)

    @Test func `only records that may use it are accepted until there is space again`() throws {
        let storage = FullStorage()
        let events = Collector<JournalEvent>()
        let writer = try reopen(storage, options(events))
        #expect(storage.inner.files["RESERVE"]?.count == Self.byteCount)
        storage.isFull.store(true, ordering: .relaxed)
        #expect(try answer(writer, .entry(1))?.get().seq == 2)
        #expect(events.all == [.reserveUsed(reason: full.description), .rewritten(reason: full.description)])
        #expect(writer.isWritable && !writer.takesEverything && writer.condition == .lowSpace)
        guard case .failure(.unwritable) = answer(writer, Self.ordinary, mayUseReserve: false) else {
            Issue.record("a record that may not use the reserve was accepted")
            return
        }
        for number in UInt64(2)..<20 { _ = try #require(answer(writer, .entry(number))).get() }
        #expect(!writer.takesEverything)
        storage.isFull.store(false, ordering: .relaxed)
        #expect(writer.step() && events.all.last == .reserveHeld)
        #expect(writer.takesEverything && writer.condition == nil)
        _ = try #require(answer(writer, Self.ordinary, mayUseReserve: false)).get()
        writer.close()
        let (records, _) = try replay(storage)
        #expect(records.filter { $0.kind == .entry }.map(\.key.low) == Array(1..<20))
        #expect(records.filter { $0.kind == .ordinary }.count == 1)
    }

    @Test func `a start on a full disk uses the reserve of the process before`() throws {
        let storage = FullStorage()
        try reopen(storage, options(Collector())).close()
        storage.isFull.store(true, ordering: .relaxed)
        let writer = try reopen(storage, options(Collector()))
        #expect(writer.condition == .lowSpace)
        _ = try #require(answer(writer, .entry(1))).get()
        writer.close()
    }

    @Test func `without space for a reserve only records that may use it are accepted`() throws {
        let storage = FullStorage()
        storage.refusesReserve.store(true, ordering: .relaxed)
        let events = Collector<JournalEvent>()
        let writer = try reopen(storage, options(events))
        #expect(events.all == [.reserveMissing(reason: full.description)])
        #expect(writer.condition == .lowSpace)
        writer.close()
    }

    @Test(
        arguments: [
            (28, .diskFull), (122, .diskFull), (27, .diskFull), (30, .readOnly), (13, .readOnly), (1, .readOnly),
            (24, .noDescriptors), (23, .noDescriptors), (5, .failing),
        ] as [(Int32, JournalCondition)])
    func `what stands in the way has a name, and goes when the cause goes`(
        _ code: Int32, _ condition: JournalCondition
    ) throws {
        let storage = MemoryStorage()
        var options = JournalOptions.test()
        options.pace = .stepped
        let writer = try reopen(storage, options)
        storage.onWrite { _ in .io(function: "open", errno: code, path: "disk") }
        guard case .failure = answer(writer, .entry(1)) else {
            Issue.record("acknowledged")
            return
        }
        #expect(writer.condition == condition && !writer.isWritable)
        storage.onWrite(nil)
        #expect(writer.step() && writer.condition == nil && writer.isWritable)
        writer.close()
    }
}

/// Has room for nothing but what the reserve gives back.
private final class FullStorage: JournalStorage {
    let inner = MemoryStorage()
    let isFull = Atomic<Bool>(false)
    let refusesReserve = Atomic<Bool>(false)

    func lock() throws(JournalError) { try inner.lock() }
    func unlock() { inner.unlock() }
    func names() throws(JournalError) -> [String] { try inner.names() }
    func byteCount(of name: String) throws(JournalError) -> UInt64 { try inner.byteCount(of: name) }
    func read(_ name: String, at offset: UInt64, count: Int) throws(JournalError) -> [UInt8] {
        try inner.read(name, at: offset, count: count)
    }
    func create(_ name: String, content: [UInt8]) throws(JournalError) -> any JournalFile {
        try check(name)
        return File(try inner.create(name, content: content), self)
    }
    func begin(_ name: String) throws(JournalError) -> any JournalFile { try inner.begin(name) }
    func rename(_ name: String, to newName: String) throws(JournalError) { try inner.rename(name, to: newName) }
    func truncate(_ name: String, to byteCount: UInt64) throws(JournalError) {
        try inner.truncate(name, to: byteCount)
    }
    func remove(_ name: String) throws(JournalError) { try inner.remove(name) }

    fileprivate func check(_ name: String? = nil) throws(JournalError) {
        let isRefused =
            isFull.load(ordering: .relaxed)
            ? name == "RESERVE" || inner.files["RESERVE"] != nil
            : name == "RESERVE" && refusesReserve.load(ordering: .relaxed)
        if isRefused { throw .io(function: "pwrite", errno: 28, path: "disk") }
    }

    private final class File: JournalFile {
        private let inner: any JournalFile
        private let storage: FullStorage

        init(_ inner: any JournalFile, _ storage: FullStorage) {
            self.inner = inner
            self.storage = storage
        }

        func write(_ bytes: [UInt8], at offset: UInt64) throws(JournalError) {
            try storage.check()
            try inner.write(bytes, at: offset)
        }

        func close() { inner.close() }
    }
}
