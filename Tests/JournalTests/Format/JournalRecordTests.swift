import Encoding
@testable import Journal
import Testing

@Suite("Records on disk")
struct JournalRecordTests {
    private var record: JournalRecord {
        var record = JournalRecord(
            .ordinary, key: UUID(high: 0x0102_0304_0506_0708, low: 0x090a_0b0c_0d0e_0f10),
            expires: 0x1112_1314_1516_1718,
            value: 0x2122_2324_2526_2728, flags: 0xab, reason: 0x1234)
        record.seq = 0x3132_3334_3536_3738
        record.time = 0x4142_4344_4546_4748
        return record
    }

    private var octets: [UInt8] {
        var output: [UInt8] = []
        record.write(to: &output, salt: 0xdead_beef, durableSeq: 0x5152_5354_5556_5758)
        return output
    }

    @Test func `stand where the format says, little-endian, the key as on the wire`() {
        #expect(octets.count == 64)
        // CRC-32C over the other 60 octets, begun with the salt; computed outside this project.
        #expect(octets[0..<4] == [0xa8, 0xb8, 0x2d, 0x20])
        #expect(octets[4..<8] == [3, 0xab, 0x34, 0x12])
        #expect(octets[8..<16] == [0x38, 0x37, 0x36, 0x35, 0x34, 0x33, 0x32, 0x31])
        #expect(octets[16..<32] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16])
        #expect(octets[32..<40] == [0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11])
        #expect(octets[40..<48] == [0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21])
        #expect(octets[48..<56] == [0x48, 0x47, 0x46, 0x45, 0x44, 0x43, 0x42, 0x41])
        #expect(octets[56..<64] == [0x58, 0x57, 0x56, 0x55, 0x54, 0x53, 0x52, 0x51])
    }

    @Test func `come back as they were written`() {
        guard
            case .record(let read, let durable, _) = RecordSlot(
                octets.span, seq: record.seq, salt: 0xdead_beef, JournalSchema.test.kinds)
        else {
            Issue.record("not a record")
            return
        }
        #expect(read == record)
        #expect(durable == 0x5152_5354_5556_5758)
    }

    @Test func `of another segment do not count, though they are whole`() {
        guard case .bad = RecordSlot(octets.span, seq: record.seq, salt: 0xdead_bee0, JournalSchema.test.kinds) else {
            Issue.record("stale octets were taken for a record")
            return
        }
    }

    @Test func `in another place do not count`() {
        #expect(
            RecordSlot(octets.span, seq: 7, salt: 0xdead_beef, JournalSchema.test.kinds)
                == .bad("record 7 expected, record \(record.seq) found"))
    }

    @Test func `do not survive any flipped bit`() {
        for bit in 0..<512 {
            var damaged = octets
            damaged[bit / 8] ^= 1 << (bit % 8)
            guard case .bad = RecordSlot(damaged.span, seq: record.seq, salt: 0xdead_beef, JournalSchema.test.kinds)
            else {
                Issue.record("bit \(bit) went unnoticed")
                return
            }
        }
    }

    @Test func `of an unknown kind are told from damage`() {
        var unknown = octets
        unknown[4] = 200
        let checksum = CRC32C.checksum(unknown.span.extracting(4..<64), seed: 0xdead_beef)
        for index in 0..<4 { unknown[index] = UInt8(truncatingIfNeeded: checksum >> UInt32(8 * index)) }
        #expect(
            RecordSlot(unknown.span, seq: record.seq, salt: 0xdead_beef, JournalSchema.test.kinds) == .unknownKind(200))
    }

    @Test func `of the journal itself keep the numbers of their kinds`() {
        #expect(JournalRecord.Kind.open.rawValue == 5 && JournalRecord.Kind.seal.rawValue == 6)
    }

    @Test func `are of a known kind if the owner lists it, or the journal writes it`() {
        let kinds = RecordKinds([JournalRecord.Kind(rawValue: 1), JournalRecord.Kind(rawValue: 63)])
        #expect((0...UInt8.max).filter { kinds.contains($0) } == [1, 5, 6, 63])
    }
}

@Suite("Segment headers")
struct SegmentHeaderTests {
    private let header = SegmentHeader(
        store: UUID(high: 1, low: 2), number: 3, firstSeq: 4, created: 5, salt: 6, previousLastSeq: 3,
        previousChecksum: 8)

    @Test func `come back as they were written`() throws {
        let octets = header.bytes
        #expect(octets.count == 4_096)
        #expect(octets.prefix(8).elementsEqual("MRTJRNL\n".utf8))
        #expect(try SegmentHeader(octets, name: SegmentName(number: 3, firstSeq: 4)) == header)
    }

    @Test(arguments: [0, 9, 20, 40, 56, 72, 100, 4_095])
    func `with a changed octet are refused`(_ offset: Int) {
        var octets = header.bytes
        octets[offset] ^= 1
        let name = SegmentName(number: 3, firstSeq: 4)
        let fault =
            offset == 0
            ? JournalError.corrupt(file: name.text, offset: 0, expectation: "the mark of a journal segment")
            : JournalError.corrupt(file: name.text, offset: 12, expectation: "the header's checksum")
        #expect(throws: fault) { try SegmentHeader(octets, name: name) }
    }

    @Test func `under another name are refused`() {
        let octets = header.bytes
        let name = SegmentName(number: 4, firstSeq: 4)
        let sentence = "the segment and record number of the file's name"
        #expect(throws: JournalError.corrupt(file: name.text, offset: 32, expectation: sentence)) {
            try SegmentHeader(octets, name: name)
        }
    }

    @Test(arguments: [
        "1-1.jrn", "0000000000000001-0000000000000001.jrn.tmp", "000000000000000G-0000000000000001.jrn", "LOCK",
        "+000000000000001-0000000000000001.jrn", "0000000000000001-0000000000000001-.jrn",
    ])
    func `are not sought in files that we did not name`(_ name: String) {
        #expect(SegmentName(name) == nil)
    }
}
