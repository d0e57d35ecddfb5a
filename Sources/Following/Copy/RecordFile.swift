import Glibc
import Platform
import Revocation

/// Reads records of 64 bytes from a file of the copy.
enum RecordFile {
    private static let batchByteCount = FeedCodec.byteCount * 8_192

    /// Passes every intact record to `take`, from `offset` on.
    ///
    /// - Parameter stopsAtDamage: whether to end at the first damaged record, as at a torn end, or to skip it.
    /// - Returns: where the last record ends that was read, and whether a damaged one was found.
    static func read(
        _ file: CopyFile, from offset: Int, epoch: UInt32, stopsAtDamage: Bool,
        _ take: (_ records: [FeedRecord], _ bytes: [UInt8]) throws(FileError) -> Void
    ) throws(FileError) -> (end: Int, isDamaged: Bool) {
        var offset = offset
        var isDamaged = false
        while true {
            let bytes = try file.read(at: offset, count: batchByteCount)
            let whole = bytes.count / FeedCodec.byteCount * FeedCodec.byteCount
            let part = Array(bytes.prefix(whole))
            if let records = try? FeedCodec.records(part.span, epoch: epoch) {
                if !records.isEmpty { try take(records, part) }
                offset += whole
            } else {
                for start in stride(from: 0, to: whole, by: FeedCodec.byteCount) {
                    let one = Array(part[start..<(start + FeedCodec.byteCount)])
                    if let record = try? FeedCodec.records(one.span, epoch: epoch) {
                        try take(record, one)
                    } else {
                        isDamaged = true
                        if stopsAtDamage { return (offset + start, true) }
                    }
                }
                offset += whole
            }
            if bytes.count < batchByteCount { return (offset, isDamaged || whole < bytes.count) }
        }
    }
}
