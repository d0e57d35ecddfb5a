import Platform
import Testing

@Suite("AdaptiveSpin")
struct AdaptiveSpinTests {
    @Test func `watches for nothing before some short waits have come`() {
        var patience = AdaptiveSpin(limit: 1_000)
        #expect(patience.budget == 0)
        for _ in 0..<10 { patience.learn(100) }
        #expect(patience.budget == 1_000)
    }

    @Test func `never watches for what comes seldom`() {
        var patience = AdaptiveSpin(limit: 1_000)
        for _ in 0..<1_000 {
            patience.learn(.max)
            #expect(patience.budget == 0)
        }
    }

    @Test func `two long waits end it, and a few short ones begin it again`() {
        var patience = AdaptiveSpin(limit: 1_000)
        for _ in 0..<100 { patience.learn(100) }
        patience.learn(.max)
        #expect(patience.budget == 1_000)
        patience.learn(.max)
        patience.learn(.max)
        #expect(patience.budget == 0)
        for _ in 0..<10 { patience.learn(100) }
        #expect(patience.budget == 1_000)
    }

    @Test func `with a limit of 0 it never watches`() {
        var patience = AdaptiveSpin(limit: 0)
        for _ in 0..<100 { patience.learn(0) }
        #expect(patience.budget == 0)
    }

    @Test func `takes any limit`() {
        var patience = AdaptiveSpin(limit: .max)
        for _ in 0..<100 { patience.learn(.max) }
        #expect(patience.budget == 0)
        for _ in 0..<100 { patience.learn(0) }
        #expect(patience.budget == 1_000_000_000)
    }
}
