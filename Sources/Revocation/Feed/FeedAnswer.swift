internal import Encoding

/// What a reader of the feed gets at once: the records after its position.
package struct FeedAnswer: Equatable, Sendable {
    /// The number of records in one answer.
    package static let recordCountMax = 4_096

    /// In ascending order, at most ``recordCountMax``.
    package let records: [FeedRecord]
    /// The last position of the log, of whatever kind of record.
    package let head: LedgerPosition
    /// Whether records after these and up to ``head`` are left out.
    package let hasMore: Bool

    package init(records: [FeedRecord], head: LedgerPosition, hasMore: Bool = false) {
        self.records = records
        self.head = head
        self.hasMore = hasMore
    }

    /// The position up to which a reader has everything that has this answer.
    package var position: LedgerPosition {
        guard hasMore, let last = records.last else { return head }
        return last.position
    }

    /// The JSON form.
    ///
    /// - Parameter ageMilliseconds: how old what this node knows may be; 0 for the node that writes the log.
    package func json(issuer: String, ageMilliseconds: Int64) -> [UInt8] {
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

    /// The binary form: the records alone.
    package var binary: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(records.count &* FeedCodec.byteCount)
        for record in records { FeedCodec.write(record, to: &bytes) }
        return bytes
    }
}
