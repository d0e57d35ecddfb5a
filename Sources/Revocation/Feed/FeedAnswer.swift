internal import Encoding

/// What a reader of the feed gets at once: the records after its position.
package struct FeedAnswer: Equatable, Sendable {
    /// The number of records in one answer.
    package static let recordCountMax = 4_096

    /// The records in their binary form, in ascending order.
    package let binary: [UInt8]
    /// The last position of the log, of whatever kind of record.
    package let head: LedgerPosition
    /// Whether records after these and up to ``head`` are left out.
    package let hasMore: Bool

    package init(bytes: [UInt8], head: LedgerPosition, hasMore: Bool = false) {
        binary = bytes
        self.head = head
        self.hasMore = hasMore
    }

    package init(records: [FeedRecord], head: LedgerPosition, hasMore: Bool = false) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(records.count &* FeedCodec.byteCount)
        for record in records { FeedCodec.write(record, to: &bytes) }
        self.init(bytes: bytes, head: head, hasMore: hasMore)
    }

    package var isEmpty: Bool { binary.isEmpty }

    /// The records, of the epoch of ``head``.
    package var records: [FeedRecord] {
        do throws(FeedFault) {
            return try FeedCodec.records(binary.span, epoch: head.epoch)
        } catch {
            preconditionFailure("this process wrote these bytes: \(error)")
        }
    }

    /// The number of the first and of the last record; nil if there is none.
    package var seqs: (first: UInt64, last: UInt64)? {
        guard !isEmpty else { return nil }
        return (
            FeedCodec.seq(binary.span, at: 0),
            FeedCodec.seq(binary.span, at: binary.count &- FeedCodec.byteCount)
        )
    }

    /// The position up to which a reader has everything that has this answer.
    package var position: LedgerPosition {
        guard hasMore, let last = seqs?.last else { return head }
        return LedgerPosition(epoch: head.epoch, seq: last)
    }

    /// The JSON form.
    ///
    /// - Parameter ageMilliseconds: how old what this node knows may be; 0 for the node that writes the log.
    package func json(issuer: String, ageMilliseconds: Int64) -> [UInt8] {
        let records = records
        var json = JSONWriter(capacity: 160 &+ records.count &* 192)
        json.beginObject()
        json.name("issuer")
        json.string(issuer)
        json.name("head")
        json.string(head.text)
        json.name("age_ms")
        json.integer(ageMilliseconds)
        json.name("records")
        json.beginArray()
        for record in records { record.write(to: &json) }
        json.endArray()
        if hasMore {
            json.name("more")
            json.bool(true)
        }
        json.endObject()
        return json.bytes
    }
}
