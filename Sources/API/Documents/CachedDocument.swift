import Encoding

/// A document with its entity tag. It is the same until the keys or the clients change.
struct CachedDocument {
    let body: [UInt8]
    let etag: [UInt8]
    /// The header fields of every answer, 304 included.
    let fields: [UInt8]
    let contentType: StaticString

    /// - Parameter maxAge: how many seconds a cache may keep it.
    init(_ body: [UInt8], contentType: StaticString, maxAge: Int64) {
        self.init(body, contentType: contentType, cacheControl: "public, max-age=\(maxAge)")
    }

    init(_ body: [UInt8], contentType: StaticString, cacheControl: String) {
        self.body = body
        self.contentType = contentType
        let tag = "\"\(String(CRC32C.checksum(body.span), radix: 16))-\(body.count)\""
        etag = Array(tag.utf8)
        let cached = "Cache-Control: \(cacheControl)\r\n"
        fields = Array("\(cached)Access-Control-Allow-Origin: *\r\nETag: \(tag)\r\n".utf8)
    }
}
