internal import Encoding
internal import Journal

/// Why bytes from a feed are not records that this version understands. A reader must not skip such a record.
package enum FeedFault: Error, Equatable, Sendable {
    /// The content ends within a record, after this many whole ones.
    case cutOff(after: Int)
    /// The record at this index is damaged.
    case damaged(at: Int)
    /// The record at this index is of a kind that is not in a feed.
    case unknown(kind: UInt8, at: Int)
    /// The sequence number of the record at this index is not greater than the one before.
    case outOfOrder(seq: UInt64, at: Int)

    /// Where the fault is, as the index of a record.
    package var index: Int {
        switch self {
        case .cutOff(let index), .damaged(let index), .unknown(_, let index), .outOfOrder(_, let index): index
        }
    }
}

/// The binary form of the feed, `application/vnd.martlet.records`: records of 64 bytes in the layout of the journal.
package enum FeedCodec {
    package static let byteCount = JournalRecord.byteCount

    /// Appends the 64 bytes of a record.
    package static func write(_ record: FeedRecord, to output: inout [UInt8]) {
        RevocationCodec.record(record.event).writePortable(
            seq: record.position.seq, time: record.time, to: &output)
    }

    /// Decodes records whose sequence numbers must ascend.
    ///
    /// - Parameters:
    ///   - epoch: that of the answer that contains the records.
    ///   - previous: the sequence number that the first record must exceed.
    package static func records(
        _ bytes: Span<UInt8>, epoch: UInt32, after previous: UInt64 = 0
    ) throws(FeedFault) -> [FeedRecord] {
        let count = bytes.count / byteCount
        guard bytes.count == count &* byteCount else { throw .cutOff(after: count) }
        var records: [FeedRecord] = []
        records.reserveCapacity(count)
        var last = previous
        for index in 0..<count {
            let start = index &* byteCount
            let record = try record(bytes.extracting(start..<(start &+ byteCount)), epoch: epoch, at: index)
            guard record.position.seq > last else { throw .outOfOrder(seq: record.position.seq, at: index) }
            last = record.position.seq
            records.append(record)
        }
        return records
    }

    /// The sequence number of the record that begins at an offset.
    static func seq(_ bytes: Span<UInt8>, at start: Int) -> UInt64 {
        (0..<8).reduce(0) { $0 | UInt64(bytes[start &+ 8 &+ $1]) << UInt64(8 &* $1) }
    }

    private static func record(_ bytes: Span<UInt8>, epoch: UInt32, at index: Int) throws(FeedFault) -> FeedRecord {
        let record: JournalRecord
        do throws(PortableRecordFault) {
            record = try JournalRecord(portable: bytes)
        } catch {
            throw .damaged(at: index)
        }
        let position = LedgerPosition(epoch: epoch, seq: record.seq)
        guard let event = RevocationCodec.event(record), let decoded = FeedRecord(position, at: record.time, event)
        else { throw .unknown(kind: record.kind.rawValue, at: index) }
        return decoded
    }
}
