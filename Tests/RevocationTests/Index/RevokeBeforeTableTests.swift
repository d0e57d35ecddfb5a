import Encoding
import Platform
@testable import Revocation
import Testing

@Suite("RevokeBeforeTable in memory (H14)")
struct CutsTests {
    @Test func `those who were exempted are forgotten, even while the cut is renewed`() {
        let cuts = RevokeBeforeTable()
        let key = UUID(high: 1, low: 1)
        for number: Int64 in 1...10 {
            let cut = RevokeBefore(value: UInt64(number), expires: UnixSeconds(number).milliseconds)
            cuts.exempt(UUID(high: UInt64(number), low: 2), .subject, cut, seq: UInt64(number))
            cuts.insert(.subject, key, cut, seq: UInt64(number))
        }
        cuts.purge(expiredAt: 9_000)
        #expect(cuts.count == 1)
        #expect(cuts.exemptCount == 1)
    }
}
