import Telemetry
import Testing

@Suite("A notice for many like events")
struct LogRateLimiterTests {
    @Test func `the first comes at once, the next after the interval, with the count of all`() {
        let gate = LogRateLimiter(interval: 60_000)
        #expect(gate.admit(at: 5) == 1)
        #expect(gate.admit(at: 6) == nil && gate.admit(at: 60_004) == nil)
        #expect(gate.admit(at: 60_005) == 3)
        #expect(gate.admit(at: 120_004) == nil && gate.admit(at: 500_000) == 2)
    }
}
