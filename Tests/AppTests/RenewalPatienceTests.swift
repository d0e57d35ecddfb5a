@testable import App
import Testing

@Suite("A certificate and its key that arrive as two writes")
struct RenewalPatienceTests {
    private static let limit = RenewalPatience.milliseconds

    private func expect(_ isExpected: Bool, of patience: inout RenewalPatience, at now: Int64) {
        let waits = patience.waits(at: now)
        #expect(waits == isExpected)
    }

    @Test func `files that did not change are judged at once`() {
        var patience = RenewalPatience()
        expect(false, of: &patience, at: 1_000)
        #expect(!patience.isWaiting && !patience.isOver(at: .max))
    }

    @Test func `after a change the other file gets its time, counted from the last change`() {
        var patience = RenewalPatience()
        patience.changed(at: 1_000)
        expect(true, of: &patience, at: 1_000)
        patience.changed(at: 20_000)
        expect(true, of: &patience, at: 20_000 + Self.limit - 1)
        #expect(!patience.isOver(at: 20_000 + Self.limit - 1))
        #expect(patience.isOver(at: 20_000 + Self.limit))
        expect(false, of: &patience, at: 20_000 + Self.limit)
        #expect(!patience.isOver(at: .max))
    }

    @Test func `a pair that was read ends the wait`() {
        var patience = RenewalPatience()
        patience.changed(at: 1_000)
        expect(true, of: &patience, at: 1_000)
        patience.succeeded()
        #expect(!patience.isWaiting && !patience.isOver(at: .max))
    }
}
