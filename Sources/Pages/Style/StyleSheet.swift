import Encoding

/// A style sheet, with the name and the header fields by which it is served.
///
/// The name contains a checksum of the content, so caches may keep it for ever.
package struct StyleSheet: Sendable {
    /// Such as `layout-1a2b3c4d.css`.
    package let name: String
    package let etag: String
    package let content: [UInt8]
    private let stem: String

    init(stem: String, content: [UInt8]) {
        let checksum = String(CRC32C.checksum(content.span), radix: 16)
        self.stem = stem
        name = "\(stem)-\(checksum).css"
        etag = "\"\(checksum)-\(content.count)\""
        self.content = content
    }

    /// Whether a file name is that of this sheet, or of an earlier or later content of it: while two versions of the
    /// service run behind one address, a page of one asks the other for its style.
    package func isNamed(_ file: [UInt8]) -> (isNamed: Bool, isExact: Bool) {
        let text = String(decoding: file, as: UTF8.self)
        if text == name { return (true, true) }
        return (text.hasPrefix("\(stem)-") && text.hasSuffix(".css"), false)
    }
}
