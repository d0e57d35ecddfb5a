import Encoding
import Journal
import Platform
@testable import Revocation
import Synchronization
import Testing

/// Notes what a ledger passes.
final class NotingSink: LedgerSink {
    struct State {
        var records: [LedgerRecord] = []
        var resets: [LedgerPosition] = []
        var head: LedgerPosition?
        var caughtUp = 0
        var faults: [RevocationError] = []
        var epochs: [UInt32] = []
    }

    private let state = Mutex(State())
    var all: State { state.withLock { $0 } }

    func reset(_ position: LedgerPosition) { state.withLock { $0.resets.append(position) } }
    func records(_ batch: [LedgerRecord], head: LedgerPosition) {
        state.withLock { state in
            state.records += batch
            state.head = head
        }
    }
    func caughtUp(_ head: LedgerPosition) {
        state.withLock { state in
            state.caughtUp += 1
            state.head = max(head, state.head ?? head)
        }
    }
    func away(_ fault: RevocationError) { state.withLock { $0.faults.append(fault) } }
    func epoch(_ epoch: UInt32) { state.withLock { $0.epochs.append(epoch) } }
}

@Suite("Following the records of the journal")
struct FollowingTests {
    private let harness = Harness()

    private func revoke(_ store: RevocationStore, _ count: Int) -> [Encoding.UUID] {
        (0..<count).map { _ in
            let sid = store.identifiers.next()
            _ = store.done { store.revokeSession(sid, expiresAt: harness.now.adding(milliseconds: day), $0) }
            return sid
        }
    }

    private func sids(_ records: [LedgerRecord]) -> [Encoding.UUID] {
        records.compactMap { if case .sessionRevoked(let sid, _, _) = $0.event { sid } else { nil } }
    }

    @Test func `a sink at the head gets each later record once, in order, before anyone is told`() throws {
        let store = try harness.open()
        _ = revoke(store, 3)
        let sink = NotingSink()
        store.ledger.follow(from: store.position, into: sink)
        #expect(sink.all.records.isEmpty && sink.all.resets.isEmpty && sink.all.caughtUp == 1)
        let sid = store.identifiers.next()
        let answers = Collector<(LedgerPosition?, LedgerPosition)>()
        store.revokeSession(sid, expiresAt: harness.now.adding(milliseconds: day)) {
            answers.take((sink.all.records.last?.position, (try? $0.get()) ?? LedgerPosition(epoch: 9, seq: 0)))
        }
        let (seen, told) = answers.wait()[0]
        #expect(seen == told)
        let more = revoke(store, 5)
        #expect(sids(sink.all.records) == [sid] + more && sink.all.head == store.position)
        let seqs = sink.all.records.map(\.position.seq)
        #expect(seqs == seqs.sorted() && Set(seqs).count == seqs.count)
        store.close()
    }

    @Test func `a sink that knows nothing gets everything`() throws {
        var store = try harness.open()
        let before = revoke(store, 4)
        store.close()
        store = try harness.open()
        let after = revoke(store, 4)
        let sink = NotingSink()
        store.ledger.follow(from: nil, into: sink)
        #expect(sids(sink.all.records) == before + after && sink.all.resets == [store.position])
        #expect(sink.all.head == store.position)
        store.close()
    }

    @Test func `a sink continues where it was, across a start`() throws {
        var store = try harness.open()
        _ = revoke(store, 4)
        let known = store.position
        let missed = revoke(store, 3)
        store.close()
        store = try harness.open()
        let more = revoke(store, 3)
        let sink = NotingSink()
        store.ledger.follow(from: known, into: sink)
        #expect(sids(sink.all.records) == missed + more && sink.all.resets.isEmpty)
        store.close()
    }

    @Test func `after a compaction an older position gets everything that is live`() throws {
        let store = try harness.open()
        let early = revoke(store, 2)
        let known = store.position
        _ = store.rotated(store.identifiers.next(), 0)
        let sids = revoke(store, 2)
        _ = try store.compact(now: harness.now, monotonic: harness.monotonic.load(ordering: .relaxed))
        let (old, new) = (NotingSink(), NotingSink())
        store.ledger.follow(from: known, into: old)
        store.ledger.follow(from: store.position, into: new)
        #expect(old.all.resets == [store.position] && new.all.resets.isEmpty && new.all.records.isEmpty)
        #expect(self.sids(old.all.records) == early + sids)
        let more = revoke(store, 1)
        #expect(self.sids(old.all.records) == early + sids + more && self.sids(new.all.records) == more)
        store.close()
    }

    @Test(arguments: ["1:1000000", "2:1", "7:0"])
    func `a position of another history gets everything`(_ text: String) throws {
        let store = try harness.open()
        let sids = revoke(store, 3)
        let sink = NotingSink()
        let position = LedgerPosition(text: text)
        store.ledger.follow(from: position, into: sink)
        #expect(self.sids(sink.all.records) == sids && sink.all.resets.count == 1)
        store.close()
    }

    @Test func `followers that join while records are written miss none and get none twice`() throws {
        let store = try harness.open()
        let written = 400
        let sinks = (0..<8).map { _ in NotingSink() }
        let writer = try Thread(name: "writer") { [harness] in
            for _ in 0..<written {
                let end = harness.now.adding(milliseconds: day)
                _ = store.done { store.revokeSession(store.identifiers.next(), expiresAt: end, $0) }
            }
        }
        for sink in sinks { store.ledger.follow(from: LedgerPosition(epoch: 1, seq: 0), into: sink) }
        writer.join()
        let all = try harness.records().filter { $0.kind == .revokeSession }.map(\.seq)
        #expect(all.count == written)
        for sink in sinks {
            let seqs = sink.all.records.filter { if case .sessionRevoked = $0.event { true } else { false } }
            #expect(seqs.map(\.position.seq) == all)
        }
        store.close()
        let late = NotingSink()
        store.ledger.follow(from: nil, into: late)
        #expect(late.all.faults == [.closed])
    }

    @Test func `records that failed are never passed`() throws {
        let store = try harness.open()
        let sink = NotingSink()
        store.ledger.follow(from: store.position, into: sink)
        harness.disk.fail()
        _ = revoke(store, 1)
        #expect(sink.all.records.isEmpty)
        store.close()
    }
}
