package import Encoding
package import Platform

/// The header of a segment: a ``HeaderFrame`` with its first seq, and three fields.
///
/// ```
/// 40 first seq u64 · 64 last seq of the segment before u64 · 72 its last record's CRC u32 · 88 copy (1 or 0)
/// ```
package struct SegmentHeader: Equatable, Sendable {
    static let byteCount = HeaderFrame.byteCount
    static let magic: UInt64 = 0x0a4c_4e52_4a54_524d  // "MRTJRNL\n"

    package let store: UUID
    /// The number of the segment, from 1 without gaps.
    package let number: UInt64
    package let firstSeq: UInt64
    /// Milliseconds since 1970.
    package let created: UnixMilliseconds
    /// Seeds the checksums, so that records of other files or of recycled blocks are never valid.
    let salt: UInt32
    /// 0 in the first segment.
    let previousLastSeq: UInt64
    let previousChecksum: UInt32
    /// Whether another store has numbered the records; see ``JournalCopy``.
    package let isCopy: Bool

    var name: String { SegmentName(number: number, firstSeq: firstSeq).text }

    var bytes: [UInt8] {
        HeaderFrame(
            store: store, number: number, seq: firstSeq, created: created, salt: salt,
            fields: [previousLastSeq, UInt64(previousChecksum), 0, isCopy ? 1 : 0]
        ).bytes(magic: Self.magic)
    }

    /// Decodes a header.
    ///
    /// - Throws: `.corrupt` for a header that is short, foreign, damaged, or inconsistent with the file name;
    ///   `.unsupported` for another version.
    init(_ bytes: [UInt8], name: SegmentName) throws(JournalError) {
        let file = name.text
        let frame = try HeaderFrame(bytes, magic: Self.magic, mark: "the mark of a journal segment", file: file)
        guard frame.number == name.number, frame.seq == name.firstSeq else {
            throw .corrupt(file: file, offset: 32, expectation: "the segment and record number of the file's name")
        }
        self.init(
            store: frame.store, number: frame.number, firstSeq: frame.seq, created: frame.created, salt: frame.salt,
            previousLastSeq: frame.fields[0], previousChecksum: UInt32(truncatingIfNeeded: frame.fields[1]),
            isCopy: frame.fields[3] == 1)
    }

    init(
        store: UUID, number: UInt64, firstSeq: UInt64, created: UnixMilliseconds, salt: UInt32,
        previousLastSeq: UInt64, previousChecksum: UInt32, isCopy: Bool = false
    ) {
        self.store = store
        self.number = number
        self.firstSeq = firstSeq
        self.created = created
        self.salt = salt
        self.previousLastSeq = previousLastSeq
        self.previousChecksum = previousChecksum
        self.isCopy = isCopy
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
