package import Encoding
package import Platform

/// The header of a snapshot: a ``HeaderFrame`` with the number and the last seq of the last segment that it covers, and
/// four fields.
///
/// ```
/// 40 last seq u64 · 64 number of records u64 · 72 last record's CRC u32 · 80 last time (ms) u64 · 88 copy (1 or 0)
/// ```
///
/// The records that are still needed follow, 64 bytes each as in a segment, with their original sequence number and
/// time. Instead of `durableSeq` they contain their position in the snapshot, from 0. The sequence numbers of a journal
/// ascend, except for the replacement records at the end; those of a ``JournalCopy`` are in no certain order.
package struct SnapshotHeader: Equatable, Sendable {
    static let byteCount = HeaderFrame.byteCount
    static let magic: UInt64 = 0x0a50_4e53_4a54_524d  // "MRTJSNP\n"

    package let store: UUID
    /// The last segment that the snapshot covers; the next segment follows it.
    package let number: UInt64
    package let lastSeq: UInt64
    /// Milliseconds since 1970.
    package let created: UnixMilliseconds
    let salt: UInt32
    package let recordCount: UInt64
    /// The checksum of the last record of that segment, whether or not the record was kept.
    let lastChecksum: UInt32
    /// The newest time of all records that it covers, in milliseconds since 1970.
    package let lastTime: UnixMilliseconds
    /// Whether another store has numbered the records; see ``JournalCopy``.
    package let isCopy: Bool

    var name: String { SnapshotName(number: number).text }

    var bytes: [UInt8] {
        HeaderFrame(
            store: store, number: number, seq: lastSeq, created: created, salt: salt,
            fields: [recordCount, UInt64(lastChecksum), UInt64(bitPattern: lastTime.count), isCopy ? 1 : 0]
        ).bytes(magic: Self.magic)
    }

    init(
        store: UUID, number: UInt64, lastSeq: UInt64, created: UnixMilliseconds, salt: UInt32, recordCount: UInt64,
        lastChecksum: UInt32, lastTime: UnixMilliseconds, isCopy: Bool = false
    ) {
        self.store = store
        self.number = number
        self.lastSeq = lastSeq
        self.created = created
        self.salt = salt
        self.recordCount = recordCount
        self.lastChecksum = lastChecksum
        self.lastTime = lastTime
        self.isCopy = isCopy
    }

    /// Decodes a header.
    ///
    /// - Throws: `.corrupt` for a header that is short, foreign, damaged, or inconsistent with the file name;
    ///   `.unsupported` for another version.
    init(_ bytes: [UInt8], file: String, number expected: UInt64) throws(JournalError) {
        let frame = try HeaderFrame(bytes, magic: Self.magic, mark: "the mark of a journal snapshot", file: file)
        guard frame.number == expected else {
            throw .corrupt(file: file, offset: 32, expectation: "the segment number of the file's name")
        }
        self.init(
            store: frame.store, number: frame.number, lastSeq: frame.seq, created: frame.created, salt: frame.salt,
            recordCount: frame.fields[0], lastChecksum: UInt32(truncatingIfNeeded: frame.fields[1]),
            lastTime: UnixMilliseconds(Int64(bitPattern: frame.fields[2])), isCopy: frame.fields[3] == 1)
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
