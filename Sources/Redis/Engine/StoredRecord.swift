internal import Encoding
internal import Journal
internal import Platform
internal import Revocation
internal import Store

/// A record in the value of a key: 40 bytes, little-endian. The key of the record is part of the name.
///
/// ```
/// 0 CRC-32C of the record's key and of 4..<24 · 4 kind u8 · 5 flags u8 · 6 reason u16 · 8 expires i64 · 16 value u64
/// 24 time u64 · 32 seq u64
/// ```
///
/// The scripts add time and seq, so the checksum does not include them.
enum StoredRecord {
    static let byteCount = 40
    static let fixedByteCount = 24

    /// Returns the first 24 bytes.
    static func fixed(_ record: JournalRecord) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
        bytes.append(little: UInt32(0))
        bytes.append(record.kind.rawValue)
        bytes.append(record.flags)
        bytes.append(little: record.reason)
        bytes.append(little: UInt64(bitPattern: record.expires.count))
        bytes.append(little: record.value)
        let checksum = checksum(bytes, of: record.key)
        for index in 0..<4 { bytes[index] = UInt8(truncatingIfNeeded: checksum >> UInt32(8 * index)) }
        return bytes
    }

    /// Returns all 40 bytes, with the number and the time that the record has.
    static func placed(_ record: JournalRecord) -> [UInt8] {
        var bytes = fixed(record)
        bytes.append(little: UInt64(bitPattern: record.time.count))
        bytes.append(little: record.seq)
        return bytes
    }

    /// Returns the record of 40 bytes.
    ///
    /// - Returns: nil if the checksum is wrong.
    static func record(_ bytes: ArraySlice<UInt8>, key: UUID) -> JournalRecord? {
        guard bytes.count == byteCount else { return nil }
        let bytes = Array(bytes)
        guard UInt32(truncatingIfNeeded: bytes.little(at: 0, count: 4)) == checksum(Array(bytes[..<24]), of: key)
        else { return nil }
        return JournalRecord(
            JournalRecord.Kind(rawValue: bytes[4]), key: key,
            expires: UnixMilliseconds(Int64(bitPattern: bytes.little(at: 8, count: 8))),
            value: bytes.little(at: 16, count: 8), flags: bytes[5],
            reason: UInt16(truncatingIfNeeded: bytes.little(at: 6, count: 2))
        ).placed(
            seq: bytes.little(at: 32, count: 8),
            time: UnixMilliseconds(Int64(bitPattern: bytes.little(at: 24, count: 8))))
    }

    private static func checksum(_ fixed: [UInt8], of key: UUID) -> UInt32 {
        var input: [UInt8] = []
        input.reserveCapacity(36)
        for half in [key.high, key.low] {
            for shift in stride(from: UInt64(56), through: 0, by: -8) {
                input.append(UInt8(truncatingIfNeeded: half >> shift))
            }
        }
        input.append(contentsOf: fixed[4..<fixedByteCount])
        return CRC32C.checksum(input.span)
    }
}

extension [UInt8] {
    mutating func append(little value: some FixedWidthInteger) {
        for shift in stride(from: 0, to: value.bitWidth, by: 8) { append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    /// Returns `count` bytes as a little-endian number; the caller has checked that they exist.
    func little(at offset: Int, count: Int) -> UInt64 {
        self[offset..<(offset + count)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
