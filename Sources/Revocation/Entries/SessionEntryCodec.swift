internal import Encoding
internal import Journal
import Platform

/// Converts an entry to two to four consecutive records of the journal and back.
///
/// ```
/// first:  key = sid · expires = absolute end · value = idle seconds u32, bytes of the device u8, of the client u8
///         (255: 16 bytes of its key), of the address u8, first byte of the subject's key u8
/// others: bytes 16 to 47 are 32 bytes of: the subject's key, the address, the device, the client, zeros
/// all:    flags = number of the record | number of the last << 4 · reason = low 16 bits of the sid
/// ```
enum SessionEntryCodec {
    private static let pieceByteCount = 32
    /// The length of a client that is stored as a key.
    private static let keyMark = 255

    /// The number of records of an entry.
    static func recordCount(_ entry: SessionEntry) -> Int {
        let clientCount =
            switch entry.client {
            case .name(let name): name.utf8.count
            case .key: SessionEntry.keyByteCount
            }
        let count =
            SessionEntry.keyByteCount + (entry.address?.byteCount ?? 0) + (entry.device?.utf8.count ?? 0) + clientCount
        return 1 + pieceCount(of: count)
    }

    static func records(_ entry: SessionEntry) -> [JournalRecord] {
        let payload = payload(entry)
        let last = pieceCount(of: payload.bytes.count)
        let tag = UInt16(truncatingIfNeeded: entry.sid.low)
        let value =
            UInt64(entry.idleSeconds) | UInt64(entry.device?.utf8.count ?? 0) << 32 | UInt64(payload.client) << 40
            | UInt64(entry.address?.byteCount ?? 0) << 48 | entry.subject.high & (0xff << 56)
        let first = JournalRecord(
            .sessionEntry, key: entry.sid, expires: entry.end, value: value, flags: UInt8(last) << 4, reason: tag)
        let bytes = payload.bytes + [UInt8](repeating: 0, count: last * pieceByteCount - payload.bytes.count)
        return [first]
            + (1...last).map { number in
                let piece = bytes[((number - 1) * pieceByteCount)..<(number * pieceByteCount)]
                return JournalRecord(
                    .sessionEntry,
                    key: UUID(high: word(piece, 0).byteSwapped, low: word(piece, 8).byteSwapped),
                    expires: UnixMilliseconds(Int64(bitPattern: word(piece, 16))), value: word(piece, 24),
                    flags: UInt8(number) | UInt8(last) << 4, reason: tag)
            }
    }

    /// Returns the first byte of the subject's key.
    ///
    /// - Parameter first: the first record of an entry.
    static func subjectByte(_ first: JournalRecord) -> UInt8 { UInt8(truncatingIfNeeded: first.value >> 56) }

    /// Returns the entry of a complete sequence of records.
    ///
    /// - Returns: nil if the lengths in the first record do not describe the others.
    static func entry(_ first: JournalRecord, _ bytes: [UInt8]) -> SessionEntry? {
        let deviceCount = Int(first.value >> 32 & 0xff)
        let clientMark = Int(first.value >> 40 & 0xff)
        let clientCount = clientMark == keyMark ? SessionEntry.keyByteCount : clientMark
        let addressCount = Int(first.value >> 48 & 0xff)
        let total = SessionEntry.keyByteCount + addressCount + deviceCount + clientCount
        guard [0, 4, 16].contains(addressCount), deviceCount <= SessionEntry.deviceByteCountMax, clientCount > 0,
            total <= SessionEntry.payloadByteCountMax, bytes.count == pieceCount(of: total) * pieceByteCount,
            bytes[total...].allSatisfy({ $0 == 0 }), bytes[0] == subjectByte(first)
        else { return nil }
        var rest = bytes[...]
        func take(_ count: Int) -> ArraySlice<UInt8> {
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }
        let subject = uuid(take(SessionEntry.keyByteCount))
        let address = address(take(addressCount))
        guard let device = text(take(deviceCount)) else { return nil }
        let client: SessionEntry.Client
        if clientMark == keyMark {
            client = .key(uuid(take(clientCount)))
        } else {
            guard let name = text(take(clientCount)) else { return nil }
            client = .name(name)
        }
        return SessionEntry(
            sid: first.key, subject: subject, client: client, device: device.isEmpty ? nil : device, address: address,
            end: first.expires, idleSeconds: UInt32(truncatingIfNeeded: first.value))
    }

    /// Returns the 32 bytes of a record that is not the first.
    static func piece(_ record: JournalRecord) -> [UInt8] {
        var bytes: [UInt8] = []
        for word in [
            record.key.high.byteSwapped, record.key.low.byteSwapped, UInt64(bitPattern: record.expires.count),
            record.value,
        ] {
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        return bytes
    }

    private static func payload(_ entry: SessionEntry) -> (bytes: [UInt8], client: Int) {
        var bytes = bytes(entry.subject)
        switch entry.address {
        case nil: break
        case .ipv4(let address): bytes += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: address >> UInt32($0)) }
        case .ipv6(let high, let low): bytes += self.bytes(UUID(high: high, low: low))
        }
        bytes += Array((entry.device ?? "").utf8)
        switch entry.client {
        case .name(let name): return (bytes + Array(name.utf8), name.utf8.count)
        case .key(let key): return (bytes + self.bytes(key), keyMark)
        }
    }

    private static func pieceCount(of byteCount: Int) -> Int { (byteCount + pieceByteCount - 1) / pieceByteCount }

    /// Returns eight bytes as a little-endian number.
    private static func word(_ bytes: ArraySlice<UInt8>, _ offset: Int) -> UInt64 {
        bytes.dropFirst(offset).prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func bytes(_ id: UUID) -> [UInt8] {
        [id.high, id.low].flatMap { half in
            stride(from: UInt64(56), through: 0, by: -8).map { UInt8(truncatingIfNeeded: half >> $0) }
        }
    }

    private static func uuid(_ bytes: ArraySlice<UInt8>) -> UUID {
        UUID(high: word(bytes, 0).byteSwapped, low: word(bytes, 8).byteSwapped)
    }

    /// Neither a device nor a client contains control characters.
    private static func text(_ bytes: ArraySlice<UInt8>) -> String? {
        bytes.allSatisfy { $0 >= 0x20 } ? String(validating: bytes, as: UTF8.self) : nil
    }

    private static func address(_ bytes: ArraySlice<UInt8>) -> SessionEntry.Address? {
        switch bytes.count {
        case 4: return .ipv4(bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16:
            let number = uuid(bytes)
            return .ipv6(high: number.high, low: number.low)
        default: return nil
        }
    }
}
