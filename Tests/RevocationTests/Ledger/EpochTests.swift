import Encoding
import Journal
import Platform
@testable import Revocation
import Testing

@Suite("Epochs of the journal")
struct EpochTests {
    private let harness = Harness()

    private func revoke(_ store: RevocationStore) throws -> LedgerPosition {
        let end = harness.now.adding(milliseconds: day)
        return try store.done { store.revokeSession(store.identifiers.next(), expiresAt: end, $0) }.get()
    }

    @Test func `positions of a journal are its numbers in epoch 1`() throws {
        let store = try harness.open()
        let position = try revoke(store)
        let last = try harness.records().last?.seq
        #expect(position.epoch == 1 && position.seq == last)
        #expect(store.position == position && store.highWaterMark?.epoch == 1)
        store.close()
    }

    @Test func `another epoch is above everything known, and stays after a start and a compaction`() throws {
        var store = try harness.open()
        let old = try revoke(store)
        let mark = HighWaterMark(store: UUID(high: 1, low: 1), seq: 3 << 20)
        let began = try store.done { store.beginEpoch(above: [mark], $0) }.get()
        #expect(began.text == "2:\(5 << 20)")
        var last = try revoke(store)
        #expect(last.epoch == 2 && last > began && store.position == last)
        for round in 0..<3 {
            store.close()
            store = try harness.open()
            #expect(store.position > last && store.position.epoch == 2)
            if round == 1 {
                _ = try store.compact(now: harness.now, monotonic: harness.monotonic.load(ordering: .relaxed))
            }
            last = try revoke(store)
        }
        #expect(store.reach(WantedPosition(text: last.text) ?? WantedPosition(seq: .max)) == .reached)
        #expect(store.reach(WantedPosition(epoch: 2, seq: last.seq + 1)) == .notReached)
        #expect(store.reach(WantedPosition(seq: last.seq)) == .reached)
        #expect(store.reach(WantedPosition(epoch: 1, seq: old.seq)) == .reached)
        // A record of the first epoch that was lost.
        #expect(store.reach(WantedPosition(epoch: 1, seq: 1 << 20)) == .unknown)
        #expect(store.reach(WantedPosition(epoch: 3, seq: 1)) == .unknown)
        store.close()
    }

    @Test func `an epoch of the mark counts`() throws {
        let store = try harness.open()
        var mark = HighWaterMark(store: UUID(high: 1, low: 1), seq: 7)
        (mark.epoch, mark.offset) = (4, 10 << 20)
        #expect(HighWaterMark(mark.text) == mark && mark.text.hasSuffix("seq 7\nepoch 4 offset 10485760\n"))
        #expect(HighWaterMark(mark.text.replacing("epoch 4", with: "epoch 04")) == nil)
        let began = try store.done { store.beginEpoch(above: [mark], $0) }.get()
        #expect(began.text == "5:\(12 << 20)" && store.highWaterMark?.epoch == 5)
        store.close()
    }

    @Test func `a sink of an earlier epoch hears of the new one and gets what follows`() throws {
        let store = try harness.open()
        let known = try revoke(store)
        _ = try store.done { store.beginEpoch(above: [], $0) }.get()
        let last = try revoke(store)
        let sink = NotingSink()
        store.ledger.follow(from: known, into: sink)
        #expect(sink.all.epochs == [2] && sink.all.resets.isEmpty && sink.all.records.last?.position == last)
        store.close()
    }
}
