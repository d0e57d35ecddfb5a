package import Encoding

/// The first 4,096 bytes of a segment, little-endian; all other bytes are zero.
///
/// ```
/// 0 magic[8] · 8 version u32 · 12 CRC-32C u32 (over all 4,096, this field zero) · 16 store[16]
/// 32 segment number u64 · 40 first seq u64 · 48 created (ms) u64 · 56 salt u32
/// 64 last seq of the segment before u64 · 72 its last record's CRC u32
/// ```
package struct SegmentHeader: Equatable, Sendable {
    static let byteCount = 4_096
    static let magic: UInt64 = 0x0a4c_4e52_4a54_524d  // "MRTJRNL\n"
    static let version: UInt32 = 1

    package let store: UUID
    /// The number of the segment, from 1 without gaps.
    package let number: UInt64
    package let firstSeq: UInt64
    /// Milliseconds since 1970.
    package let created: Int64
    /// Seeds the checksums, so that records of other files or of recycled blocks are never valid.
    let salt: UInt32
    /// 0 in the first segment.
    let previousLastSeq: UInt64
    let previousChecksum: UInt32

    var name: String { SegmentName(number: number, firstSeq: firstSeq).text }

    func write(to output: inout [UInt8]) {
        var octets: [UInt8] = []
        octets.reserveCapacity(Self.byteCount)
        octets.append(littleEndian: Self.magic)
        octets.append(littleEndian: UInt64(Self.version))
        octets.append(littleEndian: store.high.byteSwapped)
        octets.append(littleEndian: store.low.byteSwapped)
        octets.append(littleEndian: number)
        octets.append(littleEndian: firstSeq)
        octets.append(littleEndian: UInt64(bitPattern: created))
        octets.append(littleEndian: UInt64(salt))
        octets.append(littleEndian: previousLastSeq)
        octets.append(littleEndian: UInt64(previousChecksum))
        octets.append(contentsOf: repeatElement(0, count: Self.byteCount - octets.count))
        let checksum = CRC32C.checksum(octets.span, seed: 0)
        for index in 0..<4 { octets[12 + index] = UInt8(truncatingIfNeeded: checksum >> UInt32(8 * index)) }
        output.append(contentsOf: octets)
    }

    /// Decodes a header.
    ///
    /// - Throws: `.corrupt` for a header that is short, foreign, damaged, or inconsistent with the file name;
    ///   `.unsupported` for another version.
    init(_ octets: [UInt8], name: SegmentName) throws(JournalError) {
        let file = name.text
        guard octets.count >= Self.byteCount else {
            throw .corrupt(file: file, offset: UInt64(octets.count), expectation: "4,096 bytes of header")
        }
        var cleared = Array(octets.prefix(Self.byteCount))
        for index in 12..<16 { cleared[index] = 0 }
        let words = unsafe octets.span.bytes
        guard words.littleEndian(at: 0) == Self.magic else {
            throw .corrupt(file: file, offset: 0, expectation: "the mark of a journal segment")
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
        firstSeq = words.littleEndian(at: 40)
        created = Int64(bitPattern: words.littleEndian(at: 48))
        salt = UInt32(truncatingIfNeeded: words.littleEndian(at: 56))
        previousLastSeq = words.littleEndian(at: 64)
        previousChecksum = UInt32(truncatingIfNeeded: words.littleEndian(at: 72))
        guard number == name.number, firstSeq == name.firstSeq else {
            throw .corrupt(file: file, offset: 32, expectation: "the segment and record number of the file's name")
        }
    }

    init(
        store: UUID, number: UInt64, firstSeq: UInt64, created: Int64, salt: UInt32,
        previousLastSeq: UInt64, previousChecksum: UInt32
    ) {
        self.store = store
        self.number = number
        self.firstSeq = firstSeq
        self.created = created
        self.salt = salt
        self.previousLastSeq = previousLastSeq
        self.previousChecksum = previousChecksum
    }
}

extension SegmentHeader {
    /// Whether the store is known. It is unknown in a header that was reconstructed from records without an OPEN
    /// record.
    var isNamed: Bool { store != UUID(high: 0, low: 0) }
}

/// The file name of a segment: `%016x-%016x.jrn`, segment number and first sequence number.
struct SegmentName: Equatable, Sendable {
    let number: UInt64
    let firstSeq: UInt64

    var text: String { "\(hex(number))-\(hex(firstSeq)).jrn" }

    init(number: UInt64, firstSeq: UInt64) {
        self.number = number
        self.firstSeq = firstSeq
    }

    /// Returns nil for every name that the journal does not generate.
    init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].hasSuffix(".jrn"),
            let number = UInt64(parts[0], radix: 16), let firstSeq = UInt64(parts[1].dropLast(4), radix: 16)
        else { return nil }
        self.init(number: number, firstSeq: firstSeq)
        guard self.text == text else { return nil }
    }
}
