import HTTP
import Revocation

/// A snapshot that a client reads.
struct SnapshotDownload {
    let stream: ResponseStream
    let snapshot: RevocationSnapshot
    var offset: Int
    let end: Int
}
