internal import Encoding
import Platform

/// Reconstructs the overwritten header of a segment from its records.
///
/// The sequence number of a record shows whether the record is in its slot, and its checksum reveals the salt. Two
/// records that agree are sufficient: the probability of a coincidence is one in four billion.
enum SegmentRecovery {
    private static let agreementMin = 2

    /// Returns the reconstructed header.
    ///
    /// - Parameter bytes: the file from its first record on.
    /// - Returns: nil if too few records are left. The store is zero if the OPEN record of the segment is lost.
    static func header(of name: SegmentName, _ bytes: [UInt8], created: UnixMilliseconds, _ kinds: RecordKinds)
        -> SegmentHeader?
    {
        var votes: [UInt32: Int] = [:]
        var stores: [UInt32: UUID] = [:]
        var seq = name.firstSeq
        for start in stride(from: 0, to: bytes.count - JournalRecord.byteCount + 1, by: JournalRecord.byteCount) {
            defer { seq &+= 1 }
            let place = bytes.span.extracting(start..<(start + JournalRecord.byteCount))
            let words = unsafe place.bytes
            let head = words.littleEndian(at: 0)
            guard words.littleEndian(at: 8) == seq,
                kinds.contains(UInt8(truncatingIfNeeded: head >> 32))
            else { continue }
            let salt = CRC32C.seed(
                of: UInt32(truncatingIfNeeded: head), over: place.extracting(4..<JournalRecord.byteCount))
            votes[salt, default: 0] += 1
            guard UInt8(truncatingIfNeeded: head >> 32) == JournalRecord.Kind.open.rawValue else { continue }
            stores[salt] = UUID(
                high: words.littleEndian(at: 16).byteSwapped, low: words.littleEndian(at: 24).byteSwapped)
        }
        guard let (salt, count) = votes.max(by: { $0.value < $1.value }), count >= agreementMin else { return nil }
        return SegmentHeader(
            store: stores[salt] ?? UUID(high: 0, low: 0), number: name.number, firstSeq: name.firstSeq,
            created: created, salt: salt, previousLastSeq: name.firstSeq &- 1, previousChecksum: 0)
    }
}
