import Encoding
@testable import Journal
import Testing

@Suite("What was seen of a journal before")
struct HighWaterMarkTests {
    private let sighting = HighWaterMark(store: UUID(high: 1, low: 2), seq: 7)

    @Test(arguments: [7, 8, .max] as [UInt64])
    func `a journal that has come as far or further is the one`(_ seq: UInt64) throws {
        try sighting.check(store: UUID(high: 1, low: 2), lastSeq: seq)
    }

    @Test(arguments: [6, 0] as [UInt64])
    func `one that is behind was rolled back`(_ seq: UInt64) {
        let what = "The journal ends at record \(seq), but record 7 was seen"
        #expect(throws: JournalError.rolledBack(what: what)) { try sighting.check(store: sighting.store, lastSeq: seq) }
    }

    @Test(arguments: [(1, 3, 7), (2, 2, 9)] as [(UInt64, UInt64, UInt64)])
    func `another one stands in for it`(_ high: UInt64, _ low: UInt64, _ seq: UInt64) {
        let found = UUID(high: high, low: low)
        let what = "The state directory contains journal \(found), but \(sighting.store) was seen"
        #expect(throws: JournalError.rolledBack(what: what)) { try sighting.check(store: found, lastSeq: seq) }
    }

    @Test func `the file that it was read from is named`() {
        var read = sighting
        read.path = "/keys/state.seen"
        let what = "The journal ends at record 1, but record 7 was seen (/keys/state.seen)"
        #expect(throws: JournalError.rolledBack(what: what)) { try read.check(store: read.store, lastSeq: 1) }
        #expect(read == sighting)
    }

    @Test func `so was an empty directory`() {
        let what = "The state directory is empty, but journal \(sighting.store) was seen at record 7"
        #expect(throws: JournalError.rolledBack(what: what)) { try sighting.check(store: nil, lastSeq: 0) }
    }

    @Test func `its text is read back, and nothing else`() {
        #expect(HighWaterMark(sighting.text) == sighting)
        for text in ["", "x", sighting.text + " ", String(sighting.text.dropLast()), sighting.text.uppercased()] {
            #expect(HighWaterMark(text) == nil, "\(text)")
        }
        #expect(HighWaterMark(sighting.text.replacing("seq 7", with: "seq -7")) == nil)
        #expect(HighWaterMark(sighting.text.replacing("seq 7", with: "seq 007")) == nil)
    }
}
