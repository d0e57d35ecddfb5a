package import Encoding

/// One record of the journal: 64 octets on disk, little-endian, the key in the order of the wire.
///
/// ```
/// 0 CRC-32C (seeded with the segment's salt, over 4..<64) · 4 kind u8 · 5 flags u8 · 6 reason u16 · 8 seq u64
/// 16 key[16] · 32 expires u64 · 40 value u64 · 48 time u64 · 56 durableSeq u64
/// ```
///
/// `durableSeq` is known only when the record is written: every record up to it was on stable storage before this one
/// began.
package struct JournalRecord: Equatable, Sendable {
    /// What a record says. The numbers are the format; they are never used again for something else.
    package enum Kind: UInt8, CaseIterable, Sendable {
        case revokeToken = 1
        case revokeSession = 2
        case rotate = 3
        case cut = 4
        /// A process began to write: key = the store's id, value = how many records it saved from a torn tail, expires and
        /// reason = its ``OpeningNote``.
        case open = 5
        /// The last record of a segment.
        case seal = 6
        /// A session began: key = its id. Written only where the journal's time would otherwise fall behind session ids.
        case session = 7

        /// As in the design's record types, for people and scripts.
        package var name: String {
            switch self {
            case .revokeToken: "REVOKE_JTI"
            case .revokeSession: "REVOKE_SID"
            case .rotate: "ROTATE"
            case .cut: "CUT"
            case .open: "OPEN"
            case .seal: "SEAL"
            case .session: "SESSION"
            }
        }
    }

    package static let byteCount = 64
    /// In `flags`: the record means too much without the one before it.
    package static let dependentFlag: UInt8 = 8

    package var kind: Kind
    package var flags: UInt8
    package var reason: UInt16
    package var key: UUID
    /// When the record stops to matter, in milliseconds since 1970.
    package var expires: Int64
    package var value: UInt64
    /// Number of the record, from 1 without gaps; given by the writer.
    package internal(set) var seq: UInt64 = 0
    /// Milliseconds since 1970, never less than the record before; given by the writer.
    package internal(set) var time: Int64 = 0

    package init(
        _ kind: Kind, key: UUID, expires: Int64, value: UInt64 = 0, flags: UInt8 = 0, reason: UInt16 = 0
    ) {
        self.kind = kind
        self.flags = flags
        self.reason = reason
        self.key = key
        self.expires = expires
        self.value = value
    }

    /// What begins a process's records, or a segment after a failure.
    static func opening(_ store: UUID, _ note: OpeningNote, salvagedCount: Int = 0) -> JournalRecord {
        JournalRecord(
            .open, key: store, expires: note.time, value: UInt64(clamping: salvagedCount), reason: note.number)
    }

    /// Whether the record takes something away from somebody: the last to be refused on a full disk.
    var isRefusal: Bool {
        switch kind {
        case .revokeToken, .revokeSession, .cut: true
        case .rotate, .open, .seal, .session: false
        }
    }

    /// Whether the record may be applied although records before it were lost.
    ///
    /// A refusal that nobody was promised hurts nobody, unless the record before it excepts somebody from it. A rotation whose answer was never sent would make the client's
    /// retry look like a replay.
    var isSafeAlone: Bool {
        switch kind {
        case .revokeToken, .revokeSession, .cut: flags & Self.dependentFlag == 0
        case .rotate, .open, .seal, .session: false
        }
    }
}

extension JournalRecord {
    /// Appends the 64 octets.
    func write(to output: inout [UInt8], salt: UInt32, durableSeq: UInt64) {
        let start = output.count
        let head = UInt64(kind.rawValue) << 32 | UInt64(flags) << 40 | UInt64(reason) << 48
        output.append(littleEndian: head)
        output.append(littleEndian: seq)
        output.append(littleEndian: key.high.byteSwapped)
        output.append(littleEndian: key.low.byteSwapped)
        output.append(littleEndian: UInt64(bitPattern: expires))
        output.append(littleEndian: value)
        output.append(littleEndian: UInt64(bitPattern: time))
        output.append(littleEndian: durableSeq)
        let checksum = CRC32C.checksum(output.span.extracting((start + 4)..<(start + Self.byteCount)), seed: salt)
        for index in 0..<4 {
            output[start + index] = UInt8(truncatingIfNeeded: checksum >> UInt32(8 * index))
        }
    }
}

/// What stands in one 64-octet place of a segment.
enum RecordSlot: Equatable {
    case record(JournalRecord, durableSeq: UInt64, checksum: UInt32)
    case zero
    /// The sentence says what was expected and what was found.
    case bad(String)
    /// The checksum holds, but this version does not know the kind: never dropped, always refused.
    case unknownKind(UInt8)

    /// - Parameters:
    ///   - octets: exactly 64.
    ///   - expected: nil where any seq will do.
    init(_ octets: Span<UInt8>, seq expected: UInt64?, salt: UInt32) {
        let words = unsafe octets.bytes
        var nonzero: UInt64 = 0
        for offset in stride(from: 0, to: JournalRecord.byteCount, by: 8) { nonzero |= words.littleEndian(at: offset) }
        guard nonzero != 0 else {
            self = .zero
            return
        }
        let head = words.littleEndian(at: 0)
        let stored = UInt32(truncatingIfNeeded: head)
        let computed = CRC32C.checksum(octets.extracting(4..<JournalRecord.byteCount), seed: salt)
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
        guard let kind = JournalRecord.Kind(rawValue: kindByte) else {
            self = .unknownKind(kindByte)
            return
        }
        var record = JournalRecord(
            kind,
            key: UUID(high: words.littleEndian(at: 16).byteSwapped, low: words.littleEndian(at: 24).byteSwapped),
            expires: Int64(bitPattern: words.littleEndian(at: 32)),
            value: words.littleEndian(at: 40),
            flags: UInt8(truncatingIfNeeded: head >> 40),
            reason: UInt16(truncatingIfNeeded: head >> 48))
        record.seq = seq
        record.time = Int64(bitPattern: words.littleEndian(at: 48))
        self = .record(record, durableSeq: words.littleEndian(at: 56), checksum: stored)
    }
}

extension RawSpan {
    /// The eight octets at `offset`, which is checked, as a little-endian number.
    func littleEndian(at offset: Int) -> UInt64 {
        // Any eight octets are a UInt64; the load checks the bounds.
        UInt64(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}

extension [UInt8] {
    mutating func append(littleEndian value: UInt64) {
        unsafe Swift.withUnsafeBytes(of: value.littleEndian) { unsafe append(contentsOf: $0) }
    }
}

/// `value` in lower-case hexadecimal with leading zeros.
func hex(_ value: UInt64, digits: Int = 16) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: Swift.max(0, digits - text.utf8.count)) + text
}
