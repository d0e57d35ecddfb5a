@testable import Revocation
import Testing

@Suite("Positions in the order of all records")
struct LedgerPositionTests {
    @Test(arguments: [("1:0", 1, 0), ("1:4194401", 1, 4_194_401), ("4294967295:18446744073709551615", .max, .max)])
    func `a position is read from its text, and gives the same text`(_ text: String, epoch: UInt32, seq: UInt64) throws {
        let position = try #require(LedgerPosition(text: text))
        #expect(position == LedgerPosition(epoch: epoch, seq: seq) && position.text == text)
        #expect("\(position)" == text)
    }

    @Test(arguments: [
        "", ":", "1", "1:", ":1", "0:1", "01:1", "1:01", "1:00", "+1:1", "1:+1", "-1:1", "1:-1", "1:1 ", " 1:1", "1::1",
        "1:1:1", "1:1:", "4294967296:1", "1:18446744073709551616", "1:99999999999999999999", "1:1e3", "a:b", "1:٣", "1.5:1",
    ])
    func `no other text is a position`(_ text: String) {
        #expect(LedgerPosition(text: text) == nil)
    }

    @Test func `positions are ordered by their number alone`() {
        let old = LedgerPosition(epoch: 7, seq: 5)
        let new = LedgerPosition(epoch: 2, seq: 6)
        #expect(old < new && !(new < old) && !(old < LedgerPosition(epoch: 9, seq: 5)))
    }
}
