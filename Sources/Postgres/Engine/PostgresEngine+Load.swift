internal import Encoding
package import Journal
internal import Platform
internal import Revocation
package import Store

extension PostgresEngine {
    /// The records that are passed at once.
    private static let pieceCount = 4_096

    package func load(
        by deadline: StoreDeadline, _ take: (_ records: [JournalRecord]) -> Void
    ) throws(StoreFault) -> EngineHead {
        var isDone = false
        // A connection in the middle of a transaction or of a copy is of no use.
        defer { if !isDone { disconnect() } }
        let head = try use(.reading) { link throws(PostgresError) -> EngineHead? in
            _ = try link.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", by: deadline)
            let head = try self.head(link, by: deadline)
            var piece: [JournalRecord] = []
            piece.reserveCapacity(Self.pieceCount + 16)
            func pass(_ records: [JournalRecord]) {
                piece += records
                guard piece.count >= Self.pieceCount else { return }
                take(piece)
                piece.removeAll(keepingCapacity: true)
            }
            for statement in copies {
                try link.copy(statement, by: deadline) { row throws(PostgresError) in pass([try Self.record(&row)]) }
            }
            try link.copy(entries, by: deadline) { row throws(PostgresError) in pass(try Self.entry(&row)) }
            if !piece.isEmpty { take(piece) }
            _ = try link.run("COMMIT", by: deadline)
            return head
        }
        isDone = true
        guard let head else { throw .epoch(nil) }
        return head
    }

    /// Each row is a record: kind, flags, reason, key, end, value, number, time. Exemptions come before the
    /// revoke-before times.
    private var copies: [String] {
        let columns = [
            ("denied", "kind, flags, reason, key, expires, 0::bigint, seq, at"),
            (
                "session",
                "3::smallint, flags, 0, sid, expires, generation | (request << 32), seq, at"
            ),
            ("exemption", "4::smallint, ((kind << 4) | 1)::smallint, reason, sid, expires, value, seq - 1, at"),
            ("cut", "4::smallint, (kind << 4)::smallint, reason, key, expires, value, seq, at"),
        ]
        return columns.map { "COPY (SELECT \($0.1) FROM \(schema.quoted).\($0.0)) TO STDOUT (FORMAT binary)" }
    }

    private var entries: String {
        "COPY (SELECT records, seq, at FROM \(schema.quoted).entry) TO STDOUT (FORMAT binary)"
    }

    private static func record(_ row: inout BinaryReader) throws(PostgresError) -> JournalRecord {
        let kind: Int16 = try row.fieldNumber()
        let flags: Int16 = try row.fieldNumber()
        let reason: Int32 = try row.fieldNumber()
        let key = try row.fieldUUID()
        let expires = UnixMilliseconds(try row.fieldNumber())
        let value: Int64 = try row.fieldNumber()
        let seq: Int64 = try row.fieldNumber()
        let time: Int64 = try row.fieldNumber()
        guard let kind = UInt8(exactly: kind), let flags = UInt8(exactly: flags), let reason = UInt16(exactly: reason)
        else { throw .malformed("a row is out of range") }
        let record = JournalRecord(
            JournalRecord.Kind(rawValue: kind), key: key, expires: expires,
            value: kind == JournalRecord.Kind.cut.rawValue
                ? CommitRecords.value(ordered: value) : UInt64(bitPattern: value),
            flags: flags, reason: reason)
        return RevocationCodec.independent(record)
            .placed(seq: UInt64(clamping: seq), time: UnixMilliseconds(time))
    }

    /// The records of an entry of the list, with numbers that follow each other.
    private static func entry(_ row: inout BinaryReader) throws(PostgresError) -> [JournalRecord] {
        let bytes = try row.field(countMax: 16 * JournalRecord.byteCount)
        let seq: Int64 = try row.fieldNumber()
        let time: Int64 = try row.fieldNumber()
        var records: [JournalRecord] = []
        for start in stride(from: 0, to: bytes.count, by: JournalRecord.byteCount) {
            let end = min(bytes.count, start + JournalRecord.byteCount)
            guard let record = try? JournalRecord(portable: bytes.span.extracting(start..<end)) else {
                throw .malformed("a record of an entry is damaged")
            }
            records.append(
                record.placed(
                    seq: UInt64(clamping: seq) &+ UInt64(records.count), time: UnixMilliseconds(time)))
        }
        return records
    }
}
