import Journal
import Platform
@testable import Revocation
import Testing

@Suite("Waiting for a position")
struct PositionWaitersTests {
    private let harness = Harness()

    private func shared() throws -> (RevocationStore, ModelLedgerSource) {
        let harness = harness
        let clock = WallClock { harness.now }
        let source = ModelLedgerSource(clock: clock)
        let options = RevocationOptions(
            ledger: source, grace: 0, sessionMax: day, clock: clock, monotonicNow: { 0 }, random: { harness.random() })
        return (try .open(options), source)
    }

    private func ask(_ store: RevocationStore, _ wanted: WantedPosition) -> Collector<PositionReach> {
        let answers = Collector<PositionReach>()
        store.whenReached(wanted) { answers.take($0) }
        return answers
    }

    @Test func `a record that arrives in time is waited for, and one that does not is not`() throws {
        let (store, _) = try shared()
        let next = store.sequence + 1
        let (soon, never) = (ask(store, WantedPosition(seq: next)), ask(store, WantedPosition(epoch: 1, seq: .max)))
        #expect(soon.all.isEmpty && never.all.isEmpty)
        _ = try store.done { store.revokeSession(store.identifiers.next(), expiresAt: harness.now, $0) }.get()
        #expect(soon.wait() == [.reached] && never.wait() == [.notReached])
        #expect(ask(store, WantedPosition(seq: next)).all == [.reached])
        #expect(ask(store, WantedPosition(epoch: 2, seq: 1)).all == [.unknown])
        store.close()
    }

    @Test func `nobody waits at a ledger with one writer, or when it is closed`() throws {
        let alone = try harness.open()
        #expect(ask(alone, WantedPosition(seq: .max)).all == [.notReached])
        alone.close()
        let (store, _) = try shared()
        let waiting = ask(store, WantedPosition(seq: .max))
        store.close()
        #expect(waiting.wait() == [.notReached])
        #expect(ask(store, WantedPosition(seq: .max)).all == [.notReached])
    }

    @Test func `not more wait than are allowed`() throws {
        let (store, _) = try shared()
        let answers = Collector<PositionReach>()
        for _ in 0..<10_001 { store.whenReached(WantedPosition(seq: .max)) { answers.take($0) } }
        #expect(!answers.all.isEmpty)
        #expect(answers.wait(for: 10_001).count == 10_001)
        store.close()
    }
}
