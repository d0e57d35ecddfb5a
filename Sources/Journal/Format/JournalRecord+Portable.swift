internal import Encoding
package import Platform

/// Why 64 bytes are not a record.
package enum PortableRecordFault: Error, Equatable, Sendable {
    case length(Int)
    case checksum
    /// A field that must be zero is not.
    case reserved
}

// The form of a record outside of the journal: the layout of a segment, but the checksum has the seed 0, and
// `durableSeq` is 0.
extension JournalRecord {
    /// Appends the 64 bytes of the record.
    ///
    /// - Parameters:
    ///   - seq: the sequence number in place of the record's own.
    ///   - time: the time in place of the record's own.
    package func writePortable(seq: UInt64, time: UnixMilliseconds, to output: inout [UInt8]) {
        var placed = self
        placed.seq = seq
        placed.time = time
        placed.write(to: &output, salt: 0, durableSeq: 0)
    }

    /// Decodes the 64 bytes of a record of any kind.
    package init(portable bytes: Span<UInt8>) throws(PortableRecordFault) {
        guard bytes.count == Self.byteCount else { throw .length(bytes.count) }
        let words = unsafe bytes.bytes
        let stored = UInt32(truncatingIfNeeded: words.littleEndian(at: 0))
        guard stored == CRC32C.checksum(bytes.extracting(4..<Self.byteCount), seed: 0) else { throw .checksum }
        guard words.littleEndian(at: 56) == 0 else { throw .reserved }
        self.init(words, at: 0)
    }
}
