import Encoding
import Foundation
import Journal
import Platform
@testable import Revocation
import Synchronization

/// A store in a directory of its own, with clocks, randomness and a disk that the test governs.
final class Harness: Sendable {
    let path = NSTemporaryDirectory() + "revocation-" + Foundation.UUID().uuidString
    let wall = Atomic<Int64>(1_800_000_000_000)
    let monotonic = Atomic<Int64>(1_000)
    let disk = Disk()
    private let seed = Atomic<UInt64>(1)

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func open(
        grace: Int64 = 10_000, sessionMax: Int64? = 90 * day, entries: SessionEntryRule = .kept(idle: nil),
        clockSpread: Int64 = 0
    ) throws -> RevocationStore {
        let storage = GovernedStorage(DirectoryStorage(path: path), disk)
        var options = RevocationOptions(
            storage: storage, grace: grace, sessionMax: sessionMax,
            clock: WallClock { self.now },
            monotonicNow: { self.monotonic.load(ordering: .relaxed) },
            random: { self.random() })
        options.entries = entries
        options.clockSpread = clockSpread
        return try RevocationStore.open(options)
    }

    /// The directory as a process leaves it that is killed now, with the same time.
    func copy() throws -> Harness {
        let copy = Harness()
        try FileManager.default.copyItem(atPath: path, toPath: copy.path)
        copy.set(now)
        return copy
    }

    /// With a disk that works again.
    func reopen() throws -> RevocationStore {
        disk.heal()
        return try open()
    }

    var now: UnixMilliseconds { UnixMilliseconds(wall.load(ordering: .relaxed)) }

    func set(_ now: UnixMilliseconds) { wall.store(now.count, ordering: .relaxed) }

    /// Lets both clocks go on.
    func advance(_ milliseconds: Int64) {
        wall.wrappingAdd(milliseconds, ordering: .relaxed)
        monotonic.wrappingAdd(milliseconds, ordering: .relaxed)
    }

    func purge(_ store: RevocationStore) {
        store.purge(now: now, monotonic: monotonic.load(ordering: .relaxed))
    }

    func random() -> UInt64 {
        var z = seed.wrappingAdd(0x9e37_79b9_7f4a_7c15, ordering: .relaxed).newValue
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// Every record in the directory, read without the lock.
    func records() throws -> [JournalRecord] {
        let copy = path + "-copy"
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        defer { try? FileManager.default.removeItem(atPath: copy) }
        var reader = try JournalReader(DirectoryStorage(path: copy), RevocationCodec.schema)
        var records: [JournalRecord] = []
        while let record = try reader.next() { records.append(record) }
        return records
    }
}

let day: Int64 = 86_400_000

/// Holds or fails writes.
final class Disk: Sendable {
    private struct State {
        var isHeld = false
        var fault: JournalError?
    }

    private let state = Mutex(State())
    private let released = DispatchSemaphore(value: 0)
    let waiting = DispatchSemaphore(value: 0)

    func hold() { state.withLock { $0.isHeld = true } }
    func release() {
        state.withLock { $0.isHeld = false }
        released.signal()
    }
    func heal() { state.withLock { $0.fault = nil } }
    func fail() { state.withLock { $0.fault = .io(function: "pwrite", errno: 5, path: "disk") } }

    func pass() throws(JournalError) {
        if state.withLock({ $0.isHeld }) {
            waiting.signal()
            released.wait()
        }
        if let fault = state.withLock({ $0.fault }) { throw fault }
    }
}

/// A real directory behind a governed disk.
final class GovernedStorage: JournalStorage {
    private let inner: DirectoryStorage
    private let disk: Disk

    init(_ inner: DirectoryStorage, _ disk: Disk) {
        self.inner = inner
        self.disk = disk
    }

    func lock() throws(JournalError) { try inner.lock() }
    func unlock() { inner.unlock() }
    func names() throws(JournalError) -> [String] { try inner.names() }
    func byteCount(of name: String) throws(JournalError) -> UInt64 { try inner.byteCount(of: name) }
    func read(_ name: String, at offset: UInt64, count: Int) throws(JournalError) -> [UInt8] {
        try inner.read(name, at: offset, count: count)
    }
    func create(_ name: String, content: [UInt8]) throws(JournalError) -> any JournalFile {
        try disk.pass()
        return File(try inner.create(name, content: content), disk)
    }
    func begin(_ name: String) throws(JournalError) -> any JournalFile {
        try disk.pass()
        return File(try inner.begin(name), disk)
    }
    func rename(_ name: String, to newName: String) throws(JournalError) { try inner.rename(name, to: newName) }
    func truncate(_ name: String, to byteCount: UInt64) throws(JournalError) {
        try inner.truncate(name, to: byteCount)
    }
    func remove(_ name: String) throws(JournalError) { try inner.remove(name) }

    private final class File: JournalFile {
        private let inner: any JournalFile
        private let disk: Disk

        init(_ inner: any JournalFile, _ disk: Disk) {
            self.inner = inner
            self.disk = disk
        }

        func write(_ bytes: [UInt8], at offset: UInt64) throws(JournalError) {
            try disk.pass()
            try inner.write(bytes, at: offset)
        }

        func close() { inner.close() }
    }
}

/// Values that arrive on other threads.
final class Collector<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])
    private let arrived = DispatchSemaphore(value: 0)

    func take(_ value: Value) {
        values.withLock { $0.append(value) }
        arrived.signal()
    }

    func wait(for count: Int = 1) -> [Value] {
        for _ in 0..<count { arrived.wait() }
        return values.withLock { $0 }
    }

    var all: [Value] { values.withLock { $0 } }
}

typealias Answer = Result<LedgerPosition, JournalError>

extension RevocationStore {
    func rotated(
        _ sid: Encoding.UUID, _ generation: UInt32, request: UInt32 = 1, end: UnixMilliseconds = 1_900_000_000_000,
        subject: String = "alice", client: String = "web"
    ) -> RotationOutcome {
        let outcomes = Collector<RotationOutcome>()
        let presented = RotationRequest(sid: sid, generation: generation, request: request, sessionEnd: end)
        rotate(presented, subject: Array(subject.utf8), client: Array(client.utf8), kid: Array("r1".utf8)) {
            outcomes.take($0)
        }
        return outcomes.wait()[0]
    }

    func done(_ body: (@escaping Completion) -> Void) -> Answer {
        let answers = Collector<Answer>()
        body { answers.take($0) }
        return answers.wait()[0]
    }

    func denied(
        _ sid: Encoding.UUID?, jti: Encoding.UUID = Encoding.UUID(high: 1, low: 1), issuedAt: UnixMilliseconds = 0,
        expiresAt: UnixMilliseconds = 1_800_000_600_000, subject: String = "alice", client: String = "web",
        kid: String = "k1"
    ) -> Denial? {
        denial(
            jti: jti, sid: sid, issuedAt: issuedAt, expiresAt: expiresAt, subject: subject.utf8.span,
            client: client.utf8.span, kid: kid.utf8.span)
    }
}
