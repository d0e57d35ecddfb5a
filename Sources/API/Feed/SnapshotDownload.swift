import HTTP
import Service

/// A snapshot that a client reads.
struct SnapshotDownload {
    let stream: ResponseStream
    let snapshot: RevocationSnapshot
    var offset: Int
    let end: Int
}
