import Encoding
import Platform
@testable import Revocation
import Testing

@Suite("Records of the feed")
struct FeedCodecTests {
    private static let sid = UUID(high: 0x0198_0000_0000_7000, low: 0x8000_0000_0000_0001)
    private static let position = LedgerPosition(epoch: 1, seq: 7)
    private static let head = LedgerPosition(epoch: 1, seq: 55)

    @Test func `the binary form of the vectors is read and written again`() throws {
        let vectors: FeedVectors.Records = try FeedVectors.value("records.json")
        let content = try FeedVectors.bytes("records.bin")
        #expect(vectors.records.map { FeedVectors.octets(hex: $0.hex) }.flatMap(\.self) == content)
        let records = try FeedVectors.records()
        #expect(records.count == vectors.records.count)
        #expect(FeedAnswer(records: records, head: Self.head).binary == content)
    }

    @Test func `the JSON form of the vectors is written`() throws {
        let records = try FeedVectors.records()
        let whole = FeedAnswer(records: records, head: Self.head)
        #expect(
            FeedVectors.compact(try FeedVectors.bytes("answer.json"))
                == String(decoding: whole.json(issuer: "https://auth.example.com", ageMilliseconds: 4), as: UTF8.self))
        let part = FeedAnswer(records: Array(records.prefix(4)), head: Self.head, hasMore: true)
        #expect(
            FeedVectors.compact(try FeedVectors.bytes("answer-more.json"))
                == String(decoding: part.json(issuer: "https://auth.example.com", ageMilliseconds: 0), as: UTF8.self))
        let none = FeedAnswer(records: [], head: Self.head)
        #expect(
            FeedVectors.compact(try FeedVectors.bytes("answer-empty.json"))
                == String(decoding: none.json(issuer: "https://auth.example.com", ageMilliseconds: 12), as: UTF8.self))
    }

    @Test func `a reader continues after the last record it has, or at the head`() throws {
        let records = try FeedVectors.records()
        #expect(FeedAnswer(records: records, head: Self.head).position == Self.head)
        #expect(FeedAnswer(records: Array(records.prefix(2)), head: Self.head, hasMore: true).position.seq == 8)
        #expect(FeedAnswer(records: [], head: Self.head).position == Self.head)
    }

    @Test func `damaged content is rejected, and the error says where`() throws {
        for vector in try FeedVectors.value("damaged.json", as: [FeedVectors.Damaged].self) {
            let content = FeedVectors.octets(hex: vector.hex)
            let error = #expect(throws: FeedFault.self, "\(vector.name)") {
                try FeedCodec.records(content.span, epoch: 1)
            }
            let name =
                switch error {
                case .damaged: "damaged"
                case .cutOff: "cut_off"
                case .unknown: "unknown"
                case .outOfOrder: "out_of_order"
                case nil: "none"
                }
            #expect(name == vector.fault, "\(vector.name)")
        }
    }

    @Test func `no flipped bit is accepted`() throws {
        let content = Array(try FeedVectors.bytes("records.bin").prefix(64))
        for bit in 0..<512 {
            var damaged = content
            damaged[bit / 8] ^= 1 << (bit % 8)
            #expect(throws: FeedFault.damaged(at: 0)) { try FeedCodec.records(damaged.span, epoch: 1) }
        }
    }

    @Test func `records up to the position that the reader has are out of order`() throws {
        let content = try FeedVectors.bytes("records.bin")
        #expect(try FeedCodec.records(content.span, epoch: 3, after: 6).first?.position.text == "3:7")
        #expect(throws: FeedFault.outOfOrder(seq: 7, at: 0)) {
            try FeedCodec.records(content.span, epoch: 1, after: 7)
        }
    }

    @Test func `events that do not remove access are not in the feed`() {
        let events: [RevocationEvent] = [
            .rotated(sid: Self.sid, generation: 1, request: 2, sessionEnd: 3), .sessionOpened(sid: Self.sid),
            .processStarted(LifetimeNote()),
        ]
        for event in events { #expect(FeedRecord(Self.position, at: 1, event) == nil) }
    }

    @Test func `a displaced session is an ended session`() throws {
        let record = try #require(FeedRecord(Self.position, at: 1, .sessionDisplaced(sid: Self.sid, expires: 5_001)))
        #expect(record.event == .sessionRevoked(sid: Self.sid, expires: 5_001, reason: 7))
        #expect(record.expires == 5_001)
        var bytes: [UInt8] = []
        FeedCodec.write(record, to: &bytes)
        // No flag says that it depends on another record.
        #expect(bytes[5] == 0)
        #expect(try FeedCodec.records(bytes.span, epoch: 1) == [record])
    }

    @Test func `an unknown reason is unspecified`() throws {
        let record = try #require(
            FeedRecord(Self.position, at: 1, .sessionRevoked(sid: Self.sid, expires: 1, reason: 999)))
        var json = JSONWriter()
        record.write(to: &json)
        #expect(String(decoding: json.bytes, as: UTF8.self).contains(#""reason":"unspecified""#))
    }
}
