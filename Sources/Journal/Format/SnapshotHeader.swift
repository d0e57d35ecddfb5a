package import Encoding

/// The first 4,096 bytes of a snapshot, little-endian; all other bytes are zero.
///
/// ```
/// 0 magic[8] · 8 version u32 · 12 CRC-32C u32 (over all 4,096, this field zero) · 16 store[16]
/// 32 number of the last segment that it covers u64 · 40 last seq u64 · 48 created (ms) u64 · 56 salt u32
/// 64 number of records u64 · 72 last record's CRC u32 · 80 last time (ms) u64
/// ```
///
/// The records that are still needed follow, 64 bytes each as in a segment, with their original sequence number and
/// time. Instead of `durableSeq` they contain their position in the snapshot, from 0. The sequence numbers ascend,
/// except for the records that were held back to the end.
package struct SnapshotHeader: Equatable, Sendable {
    static let byteCount = 4_096
    static let magic: UInt64 = 0x0a50_4e53_4a54_524d  // "MRTJSNP\n"
    static let version: UInt32 = 1

    package let store: UUID
    /// The last segment that the snapshot covers; the next segment follows it.
    package let number: UInt64
    package let lastSeq: UInt64
    /// Milliseconds since 1970.
    package let created: Int64
    let salt: UInt32
    package let recordCount: UInt64
    /// The checksum of the last record of that segment, whether or not the record was kept.
    let lastChecksum: UInt32
    /// The newest time of all records that it covers, in milliseconds since 1970.
    package let lastTime: Int64

    var name: String { SnapshotName(number: number).text }

    var octets: [UInt8] {
        var octets: [UInt8] = []
        octets.reserveCapacity(Self.byteCount)
        octets.append(littleEndian: Self.magic)
        octets.append(littleEndian: UInt64(Self.version))
        octets.append(littleEndian: store.high.byteSwapped)
        octets.append(littleEndian: store.low.byteSwapped)
        octets.append(littleEndian: number)
        octets.append(littleEndian: lastSeq)
        octets.append(littleEndian: UInt64(bitPattern: created))
        octets.append(littleEndian: UInt64(salt))
        octets.append(littleEndian: recordCount)
        octets.append(littleEndian: UInt64(lastChecksum))
        octets.append(littleEndian: UInt64(bitPattern: lastTime))
        octets.append(contentsOf: repeatElement(0, count: Self.byteCount - octets.count))
        let checksum = CRC32C.checksum(octets.span, seed: 0)
        for index in 0..<4 { octets[12 + index] = UInt8(truncatingIfNeeded: checksum >> UInt32(8 * index)) }
        return octets
    }

    init(
        store: UUID, number: UInt64, lastSeq: UInt64, created: Int64, salt: UInt32, recordCount: UInt64,
        lastChecksum: UInt32, lastTime: Int64
    ) {
        self.store = store
        self.number = number
        self.lastSeq = lastSeq
        self.created = created
        self.salt = salt
        self.recordCount = recordCount
        self.lastChecksum = lastChecksum
        self.lastTime = lastTime
    }

    /// Decodes a header.
    ///
    /// - Throws: `.corrupt` for a header that is short, foreign, damaged, or inconsistent with the file name;
    ///   `.unsupported` for another version.
    init(_ octets: [UInt8], file: String, number expected: UInt64) throws(JournalError) {
        guard octets.count >= Self.byteCount else {
            throw .corrupt(file: file, offset: UInt64(octets.count), expectation: "4,096 bytes of header")
        }
        var cleared = Array(octets.prefix(Self.byteCount))
        for index in 12..<16 { cleared[index] = 0 }
        let words = unsafe octets.span.bytes
        guard words.littleEndian(at: 0) == Self.magic else {
            throw .corrupt(file: file, offset: 0, expectation: "the mark of a journal snapshot")
        }
        let second = words.littleEndian(at: 8)
        guard UInt32(truncatingIfNeeded: second >> 32) == CRC32C.checksum(cleared.span, seed: 0) else {
            throw .corrupt(file: file, offset: 12, expectation: "the header's checksum")
        }
        let version = UInt32(truncatingIfNeeded: second)
        guard version == Self.version else {
            throw .unsupported(file: file, offset: 8, what: "format version \(version)")
        }
        store = UUID(high: words.littleEndian(at: 16).byteSwapped, low: words.littleEndian(at: 24).byteSwapped)
        number = words.littleEndian(at: 32)
        lastSeq = words.littleEndian(at: 40)
        created = Int64(bitPattern: words.littleEndian(at: 48))
        salt = UInt32(truncatingIfNeeded: words.littleEndian(at: 56))
        recordCount = words.littleEndian(at: 64)
        lastChecksum = UInt32(truncatingIfNeeded: words.littleEndian(at: 72))
        lastTime = Int64(bitPattern: words.littleEndian(at: 80))
        guard number == expected else {
            throw .corrupt(file: file, offset: 32, expectation: "the segment number of the file's name")
        }
    }
}

/// The file name of a snapshot: `%016x.snap`, the number of the last segment that it covers.
struct SnapshotName: Equatable, Sendable {
    static let ending = ".snap"

    let number: UInt64

    var text: String { hex(number) + Self.ending }

    init(number: UInt64) {
        self.number = number
    }

    /// Returns nil for every name that the journal does not generate.
    init?(_ text: String) {
        guard text.hasSuffix(Self.ending), let number = UInt64(text.dropLast(Self.ending.utf8.count), radix: 16) else {
            return nil
        }
        self.init(number: number)
        guard self.text == text else { return nil }
    }
}
