internal import Journal
internal import Platform
internal import Store

/// An entry of the log: a record, or the mark with which an epoch begins.
struct LogEntry {
    let epoch: UInt32
    let seq: UInt64
    /// When it was recorded, in milliseconds since 1970.
    let time: Int64
    /// Nil for the mark, which has the number before the first record of its epoch.
    let record: JournalRecord?

    init(_ reply: RedisReply) throws(StoreFault) {
        guard let parts = reply.elements, parts.count == 2, let id = parts[0].bytes, let fields = parts[1].elements
        else { throw .malformed(reason: "an entry of the log has another form") }
        let numbers = id.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard numbers.count == 2,
            let epoch = RedisReply.decimal(numbers[0]).flatMap({ UInt32(exactly: $0) }),
            let seq = RedisReply.decimal(numbers[1]).flatMap({ UInt64(exactly: $0) })
        else { throw .damaged(reason: "the log has an entry that is not of this service") }
        self.epoch = epoch
        self.seq = seq
        guard fields.count == 4, fields[2].text == "t", let time = fields[3].number else {
            throw .damaged(reason: "the entry \(epoch)-\(seq) of the log has an unknown form")
        }
        self.time = time
        switch fields[0].text {
        case "b": record = nil
        case "r":
            guard let bytes = fields[1].bytes else {
                throw .damaged(reason: "the entry \(epoch)-\(seq) of the log has an unknown form")
            }
            do {
                record = try JournalRecord(portable: bytes.span)
            } catch {
                throw .damaged(reason: "the entry \(epoch)-\(seq) of the log is damaged: \(error)")
            }
        default: throw .damaged(reason: "the entry \(epoch)-\(seq) of the log has an unknown form")
        }
    }
}
