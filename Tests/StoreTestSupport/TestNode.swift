import Encoding
import Foundation
import Journal
import Platform
@testable import Revocation
@testable import Store
import Synchronization

/// Clocks that a test sets.
package final class TestClock: Sendable {
    private let wallTime: Atomic<Int64>
    private let monotonicTime = Atomic<Int64>(1_000)

    package init(_ wall: UnixMilliseconds = 1_800_000_000_000) { wallTime = Atomic(wall.count) }

    package var wall: UnixMilliseconds { UnixMilliseconds(wallTime.load(ordering: .relaxed)) }
    package var monotonic: Int64 { monotonicTime.load(ordering: .relaxed) }
    package var clock: WallClock { WallClock { self.wall } }

    package func pass(_ milliseconds: Int64) {
        wallTime.wrappingAdd(milliseconds, ordering: .relaxed)
        monotonicTime.wrappingAdd(milliseconds, ordering: .relaxed)
    }
}

/// A ledger that lets a store decide from its own memory, as no ledger with several writers may.
final class MemoryFirstLedger: Ledger {
    private let inner: any Ledger

    init(_ inner: any Ledger) { self.inner = inner }

    var head: LedgerHead { inner.head }
    var now: UnixMilliseconds { inner.now }
    var isWritable: Bool { inner.isWritable }
    var takesEverything: Bool { inner.takesEverything }
    var isShared: Bool { false }
    var keepsFailedRevocations: Bool { inner.keepsFailedRevocations }
    func knows(_ position: LedgerPosition) -> Bool { inner.knows(position) }
    func append(_ events: [RevocationEvent], _ done: @escaping Completion) { inner.append(events, done) }
    func advance(_ request: Advance, _ done: @escaping @Sendable (Result<AdvanceVerdict, RevocationError>) -> Void) {
        inner.advance(request, done)
    }
    func follow(from position: LedgerPosition?, into sink: any LedgerSink) { inner.follow(from: position, into: sink) }
    func close() { inner.close() }
}

private struct MemoryFirstSource: LedgerSource {
    let inner: StoreLedgerSource

    func open(_ replay: RevocationReplay) throws(RevocationError) -> any Ledger {
        MemoryFirstLedger(try inner.open(replay))
    }
}

private final class SeenEvents: Sendable {
    let all = Mutex<[StoreEvent]>([])
}

/// One node over an engine, with a directory of its own, which does nothing unless the test makes it.
package final class TestNode {
    package let name: String
    package let path: String
    private let engines: any StoreEngineSource
    package let clock: TestClock
    /// How far the wall clock of this node is ahead, in milliseconds.
    package let skew: Int64
    package let grace: Int64
    private let numbers: Numbers
    private let events = SeenEvents()
    package private(set) var status: StoreStatus
    private var openStore: RevocationStore?
    private var source: StoreLedgerSource?
    package var isMemoryFirst = false
    package var change: (inout StoreOptions) -> Void = { _ in }
    /// The limit on the lifetime of a session, in milliseconds.
    package var sessionMax: Int64 = 90 * 86_400_000

    package init(
        _ name: String, _ engines: any StoreEngineSource, _ clock: TestClock, skew: Int64 = 0, grace: Int64 = 10_000,
        seed: Int = 0
    ) {
        self.name = name
        self.engines = engines
        self.clock = clock
        self.skew = skew
        self.grace = grace
        let memory = "/dev/shm"
        let parent = FileManager.default.isWritableFile(atPath: memory) ? memory + "/" : NSTemporaryDirectory()
        path = parent + "store-\(name)-" + Foundation.UUID().uuidString
        // Far from those of other nodes: two of them must never draw the same identifier in one millisecond.
        numbers = Numbers(seed: name.utf8.reduce(UInt64(7 + seed)) { ($0 &+ UInt64($1)) &* 0x0000_0100_0000_01b3 })
        status = Self.status(name, clock)
    }

    deinit {
        openStore?.close()
        try? FileManager.default.removeItem(atPath: path)
    }

    private static func status(_ name: String, _ clock: TestClock) -> StoreStatus {
        StoreStatus(
            name: "model", node: name,
            knowledge: KnowledgeAge(rule: .init(ageMax: nil, rejectsStale: false), clock: { clock.monotonic }))
    }

    package var store: RevocationStore { openStore! }
    package var ledger: StoreLedger { source!.ledger! }
    package var seen: [StoreEvent] { events.all.withLock { $0 } }

    /// Starts the node; one that runs ends first.
    package func start() throws {
        openStore?.close()
        openStore = nil
        status = Self.status(name, clock)
        let (clock, skew, numbers) = (clock, skew, numbers)
        let wall = WallClock { clock.wall.adding(milliseconds: skew) }
        var options = StoreOptions(
            node: StoreNode(name: name, version: "1", settingsHash: "s", keyHash: { "k" }), clock: wall,
            monotonicNow: { clock.monotonic }, random: { numbers.next() })
        options.pace = .stepped
        options.grace = grace
        options.bootID = "boot"
        options.observe = { [events] event in events.all.withLock { $0.append(event) } }
        change(&options)
        let source = StoreLedgerSource(engines: engines, directory: path, status: status, options: options)
        self.source = source
        let ledger: any LedgerSource = isMemoryFirst ? MemoryFirstSource(inner: source) : source
        openStore = try RevocationStore.open(
            RevocationOptions(
                ledger: ledger, grace: grace, sessionMax: sessionMax, clock: wall,
                monotonicNow: { clock.monotonic }, random: { numbers.next() }))
    }

    /// Ends the node as a kill does: nothing is told to anyone.
    package func kill() throws {
        let copy = path + "-killed"
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        openStore?.close()
        openStore = nil
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.moveItem(atPath: copy, toPath: path)
    }

    package func step() { ledger.step() }

    /// Makes turns until an answer is there; time passes meanwhile.
    package func answer<Value: Sendable>(
        _ others: [TestNode] = [], _ ask: (@escaping @Sendable (Value) -> Void) -> Void
    ) -> Value? {
        let answers = Answers<Value>()
        ask { answers.take($0) }
        for turn in 0..<400 where answers.all.isEmpty {
            step()
            if turn > 2 {
                clock.pass(10)
                for other in others { other.step() }
            }
        }
        return answers.all.first
    }

    package func rotate(
        _ sid: Encoding.UUID, _ generation: UInt32, request: UInt32 = 1, repeatTime: Int64 = 0, birth: UInt64? = nil,
        subject: String = "alice"
    ) -> RotationOutcome? {
        answer { done in
            var presented = RotationRequest(
                sid: sid, generation: generation, request: request,
                sessionEnd: sid.milliseconds.adding(milliseconds: 30 * 86_400_000), repeatTime: repeatTime)
            presented.birth = birth
            store.rotate(presented, subject: Array(subject.utf8), client: Array("web".utf8), kid: Array("k".utf8)) {
                done($0)
            }
        }
    }

    package func revoke(_ sid: Encoding.UUID) -> Result<LedgerPosition, RevocationError>? {
        answer { done in
            store.revokeSession(sid, expiresAt: sid.milliseconds.adding(milliseconds: 30 * 86_400_000)) { done($0) }
        }
    }

    package func cut(_ subject: String) -> Result<LedgerPosition, RevocationError>? {
        answer { done in store.cut(.subject, name: Array(subject.utf8)) { done($0) } }
    }

    package func login() -> Encoding.UUID? {
        let sid = store.identifiers.next()
        let fault: RevocationError?? = answer { done in store.begin(sid) { done($0) } }
        return fault == .some(nil) ? sid : nil
    }

    package func denies(_ sid: Encoding.UUID, birth: UInt64? = nil, subject: String = "alice") -> Bool {
        store.denial(
            sid: sid, issuedAt: 0, birth: birth, subject: Array(subject.utf8).span, client: Array("web".utf8).span,
            kid: Array("k".utf8).span) != nil
    }
}
