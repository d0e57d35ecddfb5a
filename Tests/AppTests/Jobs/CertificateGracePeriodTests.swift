@testable import App
import Testing

@Suite("A certificate and its key that arrive as two writes")
struct CertificateGracePeriodTests {
    private static let limit = CertificateGracePeriod.milliseconds

    private func expect(_ isExpected: Bool, of patience: inout CertificateGracePeriod, at now: Int64) {
        let waits = patience.waits(at: now)
        #expect(waits == isExpected)
    }

    @Test func `files that did not change are judged at once`() {
        var patience = CertificateGracePeriod()
        expect(false, of: &patience, at: 1_000)
        #expect(!patience.isWaiting && !patience.isOver(at: .max))
    }

    @Test func `after a change the other file gets its time, counted from the last change`() {
        var patience = CertificateGracePeriod()
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
        var patience = CertificateGracePeriod()
        patience.changed(at: 1_000)
        expect(true, of: &patience, at: 1_000)
        patience.succeeded()
        #expect(!patience.isWaiting && !patience.isOver(at: .max))
    }
}
