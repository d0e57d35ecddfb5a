import Platform
import Revocation

/// Holds a snapshot while it is downloaded: in a file, or in memory if the disk takes no more.
struct SnapshotSpool {
    /// The limit in memory: a million records.
    static let memoryByteCountMax = 67_108_864

    /// Nil if the disk failed.
    private(set) var file: CopyFile?
    private var memory: [UInt8] = []
    private var byteCount = 0

    init(_ file: CopyFile?) { self.file = file }

    mutating func append(_ part: [UInt8]) throws(FollowFault) {
        if let file {
            do throws(FileError) {
                try file.write(part, at: byteCount)
                byteCount += part.count
                return
            } catch {
                memory = (try? file.read(at: 0, count: min(byteCount, Self.memoryByteCountMax))) ?? []
                self.file = nil
                guard memory.count == byteCount else { throw .noRoom }
            }
        }
        guard memory.count + part.count <= Self.memoryByteCountMax else {
            throw .noRoom
        }
        memory += part
        byteCount += part.count
    }

    /// Passes on the records of a snapshot that was verified.
    ///
    /// - Throws: if one is damaged, unknown or out of order; then the ones before it have been passed on.
    func read(_ claims: SnapshotClaims, _ take: ([FeedRecord]) -> Void) throws(FollowFault) {
        let length = claims.count * FeedCodec.byteCount
        let start = byteCount - length
        let step = FeedCodec.byteCount * 8_192
        var last: UInt64 = 0
        for offset in stride(from: 0, to: length, by: step) {
            let count = min(step, length - offset)
            let part = bytes(at: start + offset, count: count)
            do throws(FeedFault) {
                let records = try FeedCodec.records(part.span, epoch: claims.position.epoch, after: last)
                last = records.last?.position.seq ?? last
                guard part.count == count, last <= claims.position.seq else {
                    throw .outOfOrder(seq: last, at: offset / FeedCodec.byteCount)
                }
                take(records)
            } catch {
                throw .records(error)
            }
        }
    }

    private func bytes(at offset: Int, count: Int) -> [UInt8] {
        if let file { return (try? file.read(at: offset, count: count)) ?? [] }
        return Array(memory[offset..<min(memory.count, offset + count)])
    }
}
