internal import Encoding

/// The content of one 64-byte slot of a segment.
enum RecordSlot: Equatable {
    case record(JournalRecord, durableSeq: UInt64, checksum: UInt32)
    case zero
    /// The text says what was expected and what was found.
    case bad(String)
    /// The checksum is valid, but the schema does not list the kind. Such a record is never skipped; it is an error.
    case unknownKind(UInt8)

    /// Decodes a slot.
    ///
    /// - Parameters:
    ///   - bytes: exactly 64 bytes.
    ///   - expected: nil if any sequence number is acceptable.
    init(_ bytes: Span<UInt8>, seq expected: UInt64?, salt: UInt32, _ kinds: RecordKinds) {
        let words = unsafe bytes.bytes
        var nonzero: UInt64 = 0
        for offset in stride(from: 0, to: JournalRecord.byteCount, by: 8) { nonzero |= words.littleEndian(at: offset) }
        guard nonzero != 0 else {
            self = .zero
            return
        }
        let head = words.littleEndian(at: 0)
        let stored = UInt32(truncatingIfNeeded: head)
        let computed = CRC32C.checksum(bytes.extracting(4..<JournalRecord.byteCount), seed: salt)
        guard stored == computed else {
            self = .bad(
                "checksum \(hex(UInt64(computed), digits: 8)) expected, \(hex(UInt64(stored), digits: 8)) found")
            return
        }
        let seq = words.littleEndian(at: 8)
        if let expected, seq != expected {
            self = .bad("record \(expected) expected, record \(seq) found")
            return
        }
        let kindByte = UInt8(truncatingIfNeeded: head >> 32)
        guard kinds.contains(kindByte) else {
            self = .unknownKind(kindByte)
            return
        }
        self = .record(
            JournalRecord(words, at: 0), durableSeq: words.littleEndian(at: 56), checksum: stored)
    }
}
