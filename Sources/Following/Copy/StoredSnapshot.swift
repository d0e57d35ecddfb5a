import Glibc
import OpenSSL
import Platform
package import Revocation

/// A snapshot as the source signed it, in a file of its own, so that the copy may be replaced meanwhile.
package struct StoredSnapshot: Sendable {
    private static let pieceByteCount = FeedCodec.byteCount * 8_192

    /// The signature, without the line feed.
    package let line: [UInt8]
    package let live: LiveRevocations

    /// - Parameters:
    ///   - directory: where the space is taken from.
    ///   - known: a line.
    /// - Returns: nil if the file has that line.
    /// - Throws: `.system` with `ENOENT` if there is no snapshot yet; `.changed` if the file is damaged.
    init?(_ path: String, in directory: String, unless known: [UInt8]?) throws(FileError) {
        guard FileStamp(path).exists else { throw .system(call: "open", path: path, code: ENOENT) }
        let file = try CopyFile(path)
        let head = try file.read(at: 0, count: SnapshotClaims.lineByteCountMax + 1)
        guard let end = head.firstIndex(of: 0x0A), let claims = try? SnapshotClaims(verified: Array(head[..<end]))
        else {
            throw .changed(path: path)
        }
        line = Array(head[..<end])
        if line == known { return nil }
        let scratch = try ScratchFile(in: directory)
        let digest = SHA256Pieces()
        let byteCount = claims.count * FeedCodec.byteCount
        var offset = 0
        while offset < byteCount {
            let piece = try file.read(at: end + 1 + offset, count: min(Self.pieceByteCount, byteCount - offset))
            guard !piece.isEmpty else { break }
            digest.add(piece.span)
            try scratch.write(piece, at: offset)
            offset += piece.count
        }
        guard digest.finish() == claims.digest else { throw .changed(path: path) }
        live = LiveRevocations(position: claims.position, count: claims.count, digest: claims.digest, file: scratch)
    }
}
