internal import Encoding

/// Decodes many consecutive valid records at once, which is what nearly all of a journal consists of.
///
/// It stops before the first slot that is anything else, which is then decoded by ``RecordSlot``.
struct RecordBatchDecoder {
    /// The numbers that the slots must have.
    enum Numbering {
        /// In a segment: sequence numbers that ascend by one from here.
        case seqs(from: UInt64)
        /// In a snapshot: positions that ascend by one, and no sequence number above `lastSeq`.
        case places(from: UInt64, lastSeq: UInt64)
    }

    private(set) var count = 0
    /// The checksum of the last record.
    private(set) var checksum: UInt32 = 0
    /// The highest durableSeq of the records.
    private(set) var durableSeq: UInt64 = 0

    /// Decodes records.
    ///
    /// - Parameters:
    ///   - chunk: slots of 64 bytes from `offset` on; a shorter remainder is ignored.
    ///   - countMax: the maximum number of records.
    ///   - records: the array to append to.
    init(
        _ chunk: [UInt8], from offset: Int, upTo countMax: Int, _ numbering: Numbering, salt: UInt32,
        _ kinds: RecordKinds,
        into records: inout [JournalRecord]
    ) {
        let bytes = chunk.span.extracting(offset..<chunk.count)
        let placeCount = min(countMax, bytes.count / JournalRecord.byteCount)
        let words = unsafe bytes.bytes
        records.reserveCapacity(records.count + placeCount)
        while count < placeCount {
            let start = count * JournalRecord.byteCount
            let head = words.littleEndian(at: start)
            let stored = UInt32(truncatingIfNeeded: head)
            let covered = bytes.extracting((start + 4)..<(start + JournalRecord.byteCount))
            guard CRC32C.checksum(covered, seed: salt) == stored,
                kinds.contains(UInt8(truncatingIfNeeded: head >> 32))
            else { return }
            let seq = words.littleEndian(at: start + 8)
            let last = words.littleEndian(at: start + 56)
            switch numbering {
            case .seqs(let first):
                guard seq == first &+ UInt64(count) else { return }
                durableSeq = max(durableSeq, last)
            case .places(let first, let lastSeq):
                guard last == first &+ UInt64(count), seq <= lastSeq else { return }
            }
            records.append(JournalRecord(words, at: start))
            checksum = stored
            count += 1
        }
    }
}
