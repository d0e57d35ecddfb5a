import Encoding
import Glibc
import OpenSSL

/// A JSON document that was fetched, and until when it may be used without asking.
package struct CachedDocument: Equatable, Sendable {
    package let url: String
    let etag: String?
    /// Milliseconds since 1970, as all times here: when the server last said that this is what it has.
    package let checkedAt: Int64
    package let freshUntil: Int64
    package let body: [UInt8]

    /// A time of checking that lies ahead comes of a clock that was set back; such a copy is looked at again.
    package func isFresh(at now: Int64) -> Bool { checkedAt <= now && now < freshUntil }
}

/// The directory in which fetched documents are kept between commands, one file each.
///
/// What lies in it decides whose tokens are good, so only its owner may write there: a directory or file that belongs to
/// another, or that others may write, counts as empty. Files are replaced by renaming; a lost one is fetched again, so
/// nothing is synced.
package struct DocumentCache: Sendable {
    private static let byteCountMax = 4_194_304

    private let directory: String

    /// Makes the directory and those above it where they are missing, mode 0700.
    ///
    /// - Returns: `nil` if there is none that only we can write to.
    package init?(directory: String) {
        guard directory.hasPrefix("/") else { return nil }
        var path = ""
        for part in directory.split(separator: "/") {
            path += "/" + part
            guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST || errno == EROFS || errno == EACCES else {
                return nil
            }
        }
        var status = stat()
        guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, Self.isOurs(status) else {
            return nil
        }
        self.directory = path
    }

    package func document(at url: String) -> CachedDocument? {
        guard let octets = contents(of: path(of: url)) else { return nil }
        return CachedDocument(octets, url: url)
    }

    /// Keeps a document; what cannot be kept is fetched again next time.
    package func keep(_ document: CachedDocument) {
        guard let octets = document.octets, octets.count <= Self.byteCountMax else { return }
        let path = path(of: document.url)
        let temporary = "\(path).\(getpid()).tmp"
        unsafe unlink(temporary)
        let file = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { return }
        var isWhole = true
        var rest = octets[...]
        while !rest.isEmpty, isWhole {
            let count = unsafe rest.withUnsafeBytes { unsafe write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            isWhole = count > 0
            rest = rest.dropFirst(max(0, count))
        }
        close(file)
        guard isWhole, unsafe rename(temporary, path) == 0 else {
            unsafe unlink(temporary)
            return
        }
    }

    package func forget(_ url: String) {
        unsafe unlink(path(of: url))
    }

    private func path(of url: String) -> String {
        let octets = Array(url.utf8)
        return "\(directory)/\(Base64URL.encode(SHA256.digest(octets.span))).json"
    }

    private func contents(of path: String) -> [UInt8]? {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, Self.isOurs(status),
            status.st_size <= Self.byteCountMax
        else { return nil }
        var octets = [UInt8](repeating: 0, count: Int(status.st_size))
        var count = 0
        while count < octets.count {
            let part = unsafe octets.withUnsafeMutableBytes { buffer in
                unsafe read(file, buffer.baseAddress.map { unsafe $0 + count }, buffer.count - count)
            }
            if part < 0, errno == EINTR { continue }
            guard part > 0 else { return nil }
            count += part
        }
        return octets
    }

    private static func isOurs(_ status: stat) -> Bool {
        status.st_uid == geteuid() && status.st_mode & 0o022 == 0
    }
}

extension CachedDocument {
    /// The file's octets; `nil` for a body that is no UTF-8, and so no JSON.
    fileprivate var octets: [UInt8]? {
        guard let text = String(validating: body, as: UTF8.self) else { return nil }
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("url")
        writer.string(url)
        if let etag {
            writer.name("etag")
            writer.string(etag)
        }
        writer.name("checked_at")
        writer.integer(checkedAt)
        writer.name("fresh_until")
        writer.integer(freshUntil)
        writer.name("body")
        writer.string(text)
        writer.endObject()
        return writer.bytes
    }

    fileprivate init?(_ octets: [UInt8], url: String) {
        let bytes = octets.span
        var document = JSONDocument(limits: JSONLimits(depthMax: 1, memberMax: 16, byteCountMax: octets.count))
        guard (try? document.parse(bytes)) != nil else { return nil }
        guard let name = document.member("url", of: 0, in: bytes), document.string(name, in: bytes) == url,
            let checked = document.member("checked_at", of: 0, in: bytes),
            let checkedAt = document.integer(checked, in: bytes),
            let fresh = document.member("fresh_until", of: 0, in: bytes),
            let freshUntil = document.integer(fresh, in: bytes),
            let content = document.member("body", of: 0, in: bytes), let body = document.octets(content, in: bytes)
        else { return nil }
        let etag = document.member("etag", of: 0, in: bytes).flatMap { document.string($0, in: bytes) }
        self.init(
            url: url, etag: etag.flatMap { CachedDocument.isTag($0) ? $0 : nil }, checkedAt: checkedAt,
            freshUntil: freshUntil, body: body)
    }

    /// Whether a text can be sent back as an entity tag (RFC 9110 §8.8.3): no way to write a second field.
    static func isTag(_ text: String) -> Bool {
        (2...256).contains(text.utf8.count) && text.utf8.allSatisfy { 0x21...0x7E ~= $0 }
    }
}
