@testable import Revocation
import Testing

@Suite("Positions in the order of all records")
struct LedgerPositionTests {
    @Test(arguments: [("1:0", 1, 0), ("1:4194401", 1, 4_194_401), ("4294967295:18446744073709551615", .max, .max)])
    func `a position is read from its text, and gives the same text`(_ text: String, epoch: UInt32, seq: UInt64) throws
    {
        let position = try #require(LedgerPosition(text: text))
        #expect(position == LedgerPosition(epoch: epoch, seq: seq) && position.text == text)
        #expect("\(position)" == text)
        var bytes = Array("x".utf8)
        position.write(to: &bytes)
        #expect(bytes == Array("x\(text)".utf8))
    }

    @Test(arguments: [
        "", ":", "1", "1:", ":1", "0:1", "01:1", "1:01", "1:00", "+1:1", "1:+1", "-1:1", "1:-1", "1:1 ", " 1:1", "1::1",
        "1:1:1", "1:1:", "4294967296:1", "1:18446744073709551616", "1:99999999999999999999", "1:1e3", "a:b", "1:٣",
        "1.5:1",
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

@Suite("Epochs of one numbering")
struct LedgerEpochsTests {
    private let stride: UInt64 = 1 << 20

    @Test func `an epoch begins at the second multiple above everything known`() {
        for (known, first) in [(0, 2), (1, 2), (stride - 1, 2), (stride, 3), (5 * stride + 7, 7)] as [(UInt64, UInt64)]
        {
            #expect(LedgerEpochs.beginning(above: known) == first * stride)
        }
    }

    @Test func `positions and numbers belong together`() {
        var epochs = LedgerEpochs()
        epochs.begin(2, at: 301, offset: 2 * stride - 301)
        epochs.begin(5, at: 400, offset: 9 * stride - 400)
        for (number, text) in [
            (0, "1:0"), (1, "1:1"), (300, "1:300"), (301, "2:\(2 * stride)"), (399, "2:\(2 * stride + 98)"),
            (400, "5:\(9 * stride)"), (1_000, "5:\(9 * stride + 600)"),
        ] as [(UInt64, String)] {
            #expect(epochs.position(of: number).text == text)
            #expect(LedgerPosition(text: text).flatMap { epochs.number(of: $0) } == number)
        }
        for text in ["1:301", "1:\(2 * stride)", "2:300", "2:\(2 * stride - 1)", "2:\(2 * stride + 99)", "3:1", "6:1"] {
            #expect(LedgerPosition(text: text).flatMap { epochs.number(of: $0) } == nil, "\(text)")
        }
    }

    @Test func `an epoch that is not above the last one changes nothing`() {
        var epochs = LedgerEpochs()
        epochs.begin(3, at: 10, offset: 100)
        let before = epochs
        for (epoch, number, offset) in [(3, 20, 200), (2, 20, 200), (4, 10, 200), (4, 20, 99)]
            as [(UInt32, UInt64, UInt64)]
        {
            epochs.begin(epoch, at: number, offset: offset)
        }
        #expect(epochs == before)
    }
}
