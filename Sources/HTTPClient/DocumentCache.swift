import Encoding
import Glibc
import OpenSSL
package import Platform

/// A fetched JSON document and the time until which it is fresh.
package struct CachedDocument: Equatable, Sendable {
    package let url: String
    let etag: String?
    /// When the server last sent or confirmed the document.
    package let checkedAt: UnixMilliseconds
    package let freshUntil: UnixMilliseconds
    package let body: [UInt8]

    /// If `checkedAt` is in the future, the clock was set back; the copy then counts as stale.
    package func isFresh(at now: UnixMilliseconds) -> Bool { checkedAt <= now && now < freshUntil }
}

/// The directory that keeps fetched documents between commands, one file each.
///
/// Its content decides which tokens are valid, so only its owner may write there: a directory or file that another user
/// owns or can write is ignored. Files are replaced by renaming, without fsync, because a lost file is fetched again.
package struct DocumentCache: Sendable {
    private static let byteCountMax = 4_194_304

    private let directory: String

    /// Creates missing directories of the path with mode 0700.
    ///
    /// - Returns: `nil` if the directory cannot be used or another user could write to it.
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

    /// Stores a document; if that fails, the document is fetched again next time.
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
    /// The content of the file; `nil` if the body is not UTF-8 and therefore not JSON.
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
        writer.integer(checkedAt.count)
        writer.name("fresh_until")
        writer.integer(freshUntil.count)
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
            let content = document.member("body", of: 0, in: bytes), let body = document.bytes(content, in: bytes)
        else { return nil }
        let etag = document.member("etag", of: 0, in: bytes).flatMap { document.string($0, in: bytes) }
        self.init(
            url: url, etag: etag.flatMap { CachedDocument.isTag($0) ? $0 : nil },
            checkedAt: UnixMilliseconds(checkedAt),
            freshUntil: UnixMilliseconds(freshUntil), body: body)
    }

    /// Returns whether a text can be sent back as an entity tag (RFC 9110 §8.8.3) without starting a second header
    /// field.
    static func isTag(_ text: String) -> Bool {
        (2...256).contains(text.utf8.count) && text.utf8.allSatisfy { 0x21...0x7E ~= $0 }
    }
}
