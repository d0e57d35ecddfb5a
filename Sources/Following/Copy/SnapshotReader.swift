import JOSE
import OpenSSL
import Revocation

/// Checks a snapshot while it arrives: first the signature of its line, then the number of bytes and their digest.
///
/// Nothing of it may be used before ``finish()`` has returned.
struct SnapshotReader {
    private let keys: VerificationKeySet
    private let issuer: String
    private var line: [UInt8] = []
    private(set) var claims: SnapshotClaims?
    private var recordByteCount = 0
    private let digest = SHA256Pieces()

    init(keys: VerificationKeySet, issuer: String) {
        self.keys = keys
        self.issuer = issuer
    }

    /// Takes bytes that have arrived.
    ///
    /// - Throws: as soon as the line is invalid, or there are more bytes than it announces.
    mutating func take(_ part: [UInt8]) throws(FollowFault) {
        var rest = part[...]
        if claims == nil {
            let end = rest.firstIndex(of: 0x0A)
            line += rest[..<(end ?? rest.endIndex)]
            guard line.count <= SnapshotClaims.lineByteCountMax else { throw .snapshot("its first line is too long") }
            guard let end else { return }
            claims = try SnapshotClaims(line, keys: keys, issuer: issuer)
            rest = rest[(end + 1)...]
        }
        recordByteCount += rest.count
        guard let claims, recordByteCount <= claims.count * FeedCodec.byteCount else {
            throw .snapshot("it is longer than its first line says")
        }
        let records = Array(rest)
        digest.add(records.span)
    }

    /// - Throws: if the snapshot is incomplete or its digest is wrong.
    consuming func finish() throws(FollowFault) -> SnapshotClaims {
        guard let claims else { throw .snapshot("its first line is incomplete") }
        guard recordByteCount == claims.count * FeedCodec.byteCount else {
            throw .snapshot("it is shorter than its first line says")
        }
        guard digest.finish() == claims.digest else { throw .snapshot("its digest is wrong") }
        return claims
    }
}
