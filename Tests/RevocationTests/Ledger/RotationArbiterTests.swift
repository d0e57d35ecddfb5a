import Encoding
@testable import Revocation
import Testing

@Suite("One rotation of a session at a time")
struct RotationArbiterTests {
    private let sid = UUID(high: 1, low: 1)

    @Test func `the next attempt begins when the one before ends`() {
        let arbiter = RotationArbiter()
        let again = Collector<Int>()
        #expect(arbiter.begin(sid) { again.take(1) })
        #expect(!arbiter.begin(sid) { again.take(2) })
        #expect(arbiter.begin(UUID(high: 2, low: 2)) { again.take(3) })
        #expect(again.all.isEmpty)
        arbiter.end(sid)
        #expect(again.all == [2])
        #expect(arbiter.begin(sid) { again.take(4) })
    }
}
