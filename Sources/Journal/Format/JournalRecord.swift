package import Encoding
package import Platform

/// One record of the journal: 64 bytes on disk, little-endian, the key in network byte order.
///
/// ```
/// 0 CRC-32C (seeded with the segment's salt, over 4..<64) · 4 kind u8 · 5 flags u8 · 6 reason u16 · 8 seq u64
/// 16 key[16] · 32 expires u64 · 40 value u64 · 48 time u64 · 56 durableSeq u64
/// ```
///
/// Kind, flags, reason, key, expires and value belong to the owner of the journal. `durableSeq` is set when the record is written: every record up to it was on stable storage before this write began.
package struct JournalRecord: Equatable, Sendable {
    /// The number that says what a record means. The journal knows only its own two kinds; its ``JournalSchema`` lists
    /// the others. A number is never reused.
    package struct Kind: RawRepresentable, Hashable, Sendable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// A process started writing: key = the id of the store, value = the number of records salvaged from a torn
        /// tail, expires and reason = its ``OpeningNote``.
        package static let open = Kind(rawValue: 5)
        /// The last record of a segment.
        package static let seal = Kind(rawValue: 6)
    }

    package static let byteCount = 64

    package var kind: Kind
    package var flags: UInt8
    package var reason: UInt16
    package var key: UUID
    package var expires: UnixMilliseconds
    package var value: UInt64
    /// The sequence number of the record, from 1 without gaps; assigned by the writer.
    package internal(set) var seq: UInt64 = 0
    /// Milliseconds since 1970, never less than in the record before; assigned by the writer.
    package internal(set) var time: UnixMilliseconds = 0

    package init(
        _ kind: Kind, key: UUID, expires: UnixMilliseconds, value: UInt64 = 0, flags: UInt8 = 0, reason: UInt16 = 0
    ) {
        self.kind = kind
        self.flags = flags
        self.reason = reason
        self.key = key
        self.expires = expires
        self.value = value
    }

    /// Returns the record with a number and a time that another store assigned.
    package func placed(seq: UInt64, time: UnixMilliseconds) -> JournalRecord {
        var record = self
        (record.seq, record.time) = (seq, time)
        return record
    }
}

extension JournalRecord {
    /// Appends the 64 bytes of the record.
    func write(to output: inout [UInt8], salt: UInt32, durableSeq: UInt64) {
        let start = output.count
        let head = UInt64(kind.rawValue) << 32 | UInt64(flags) << 40 | UInt64(reason) << 48
        output.append(addingCapacity: Self.byteCount) { bytes in
            bytes.append(littleEndian: head)
            bytes.append(littleEndian: seq)
            bytes.append(bigEndian: key.high)
            bytes.append(bigEndian: key.low)
            bytes.append(littleEndian: UInt64(bitPattern: expires.count))
            bytes.append(littleEndian: value)
            bytes.append(littleEndian: UInt64(bitPattern: time.count))
            bytes.append(littleEndian: durableSeq)
        }
        let checksum = CRC32C.checksum(output.span.extracting((start + 4)..<(start + Self.byteCount)), seed: salt)
        for index in 0..<4 {
            output[start + index] = UInt8(truncatingIfNeeded: checksum >> UInt32(8 * index))
        }
    }
}

extension JournalRecord {
    /// Decodes the 64 bytes from `start` on, whose checksum and kind have been checked.
    @inline(__always)
    init(_ words: RawSpan, at start: Int) {
        let head = words.littleEndian(at: start)
        self.init(
            Kind(rawValue: UInt8(truncatingIfNeeded: head >> 32)),
            key: UUID(
                high: words.littleEndian(at: start + 16).byteSwapped,
                low: words.littleEndian(at: start + 24).byteSwapped),
            expires: UnixMilliseconds(Int64(bitPattern: words.littleEndian(at: start + 32))),
            value: words.littleEndian(at: start + 40),
            flags: UInt8(truncatingIfNeeded: head >> 40),
            reason: UInt16(truncatingIfNeeded: head >> 48))
        seq = words.littleEndian(at: start + 8)
        time = UnixMilliseconds(Int64(bitPattern: words.littleEndian(at: start + 48)))
    }
}

extension RawSpan {
    /// Returns the eight bytes at `offset` as a little-endian number; the offset is checked.
    func littleEndian(at offset: Int) -> UInt64 {
        // Any eight bytes form a UInt64, and the load checks the bounds.
        UInt64(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}

extension [UInt8] {
    mutating func append(littleEndian value: UInt64) {
        unsafe Swift.withUnsafeBytes(of: value.littleEndian) { unsafe append(contentsOf: $0) }
    }
}

/// Returns `value` in lowercase hexadecimal with leading zeros.
func hex(_ value: UInt64, digits: Int = 16) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: Swift.max(0, digits - text.utf8.count)) + text
}
