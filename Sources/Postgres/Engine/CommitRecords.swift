internal import Encoding
internal import Journal
internal import Platform
internal import Revocation

/// One record with what the functions of the schema need of it.
struct CommitRecord {
    let kind: Int16
    let key: UUID
    /// Which of several revocations of the key this is; of a rotation, the generation.
    let variant: Int64
    let flags: Int16
    let reason: Int32
    let expires: UnixMilliseconds
    /// Of a revoke-before time, its value; of a rotation, the request.
    let value: Int64
    let bytes: [UInt8]
}

enum CommitRecords {
    /// Why a session was revoked that two rotations of one generation show to be in two hands.
    static let forkReason = RevocationReason.refreshReused.rawValue
    /// The variant of a revocation that applies whatever the end of the token is.
    private static let anyEnd = Int64.min

    /// - Parameter keepsPlace: whether the 64 bytes have the record's own number and time, as told ones do.
    /// - Returns: nil for a record that no engine may have.
    static func record(_ record: JournalRecord, keepsPlace: Bool = false) -> CommitRecord? {
        var variant: Int64 = 0
        var value: Int64 = 0
        switch record.kind {
        case .session, .epoch: break
        case .sessionEntry: break
        default:
            switch RevocationCodec.event(record) {
            case .tokenRevoked(_, let expires, let isOfAnyEnd, _): variant = isOfAnyEnd ? anyEnd : expires.count
            case .sessionRevoked: break
            case .rotated(_, let generation, let request, _):
                variant = Int64(generation)
                value = Int64(request)
            case .revokedBefore, .exempted: value = ordered(record.value)
            default: return nil
            }
        }
        return CommitRecord(
            kind: Int16(record.kind.rawValue), key: record.key, variant: variant, flags: Int16(record.flags),
            reason: Int32(record.reason), expires: record.expires, value: value,
            bytes: bytes(keepsPlace ? RevocationCodec.again(record) : record, keepsPlace: keepsPlace))
    }

    static func bytes(_ record: JournalRecord, keepsPlace: Bool = false) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(JournalRecord.byteCount)
        record.writePortable(seq: keepsPlace ? record.seq : 0, time: keepsPlace ? record.time : 0, to: &bytes)
        return bytes
    }

    /// Maps a number to one with a sign so that the order stays: PostgreSQL has no other 64-bit numbers.
    static func ordered(_ value: UInt64) -> Int64 { Int64(bitPattern: value ^ (1 << 63)) }

    static func value(ordered value: Int64) -> UInt64 { UInt64(bitPattern: value) ^ (1 << 63) }

    /// The records of the list's entry that begins at `index`, as one text of bytes.
    ///
    /// - Returns: nil if not all are there.
    static func entry(_ records: [JournalRecord], at index: Int) -> [UInt8]? {
        let first = records[index]
        let count = Int(first.flags >> 4) + 1
        guard count > 1, count <= records.count - index else { return nil }
        var bytes: [UInt8] = []
        for number in 0..<count {
            let record = records[index + number]
            guard record.kind == .sessionEntry, Int(record.flags & 15) == number, record.flags >> 4 == first.flags >> 4,
                record.reason == first.reason
            else { return nil }
            record.writePortable(seq: 0, time: 0, to: &bytes)
        }
        return bytes
    }
}
