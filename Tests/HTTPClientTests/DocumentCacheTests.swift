import Foundation
@testable import HTTPClient
import Testing

@Suite("The cache of fetched documents")
struct DocumentCacheTests {
    private let directory = FileManager.default.temporaryDirectory.appending(path: "cache-\(UUID().uuidString)").path

    private let document = CachedDocument(
        url: "https://a.example/k", etag: "W/\"a\"", checkedAt: 1_000, freshUntil: 5_000,
        body: Array("{\"keys\":[\"\\u0000é\"]}\n".utf8))

    private func files() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory + "/martlet").map { directory + "/martlet/" + $0 }
    }

    private func mode(_ path: String) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    @Test func `keeps a document and gives it back, in files that only we read`() throws {
        let cache = try #require(DocumentCache(directory: directory + "/martlet"))
        defer { try? FileManager.default.removeItem(atPath: directory) }
        #expect(cache.document(at: document.url) == nil)
        cache.keep(document)
        #expect(cache.document(at: document.url) == document)
        #expect(cache.document(at: document.url + "/") == nil)
        #expect(try mode(directory + "/martlet") == 0o700)
        #expect(try files().count == 1)
        #expect(try mode(files()[0]) == 0o600)
        cache.forget(document.url)
        #expect(cache.document(at: document.url) == nil)
    }

    @Test func `a file that others may write, or that is another's copy, counts as none`() throws {
        let cache = try #require(DocumentCache(directory: directory + "/martlet"))
        defer { try? FileManager.default.removeItem(atPath: directory) }
        cache.keep(document)
        let file = try files()[0]
        try FileManager.default.setAttributes([.posixPermissions: 0o622], ofItemAtPath: file)
        #expect(cache.document(at: document.url) == nil)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
        #expect(cache.document(at: document.url) == document)
        let text = try String(contentsOfFile: file, encoding: .utf8)
        for damaged in ["", "{}", String(text.dropLast()), text.replacing("a.example", with: "b.example")] {
            try Data(damaged.utf8).write(to: URL(filePath: file))
            #expect(cache.document(at: document.url) == nil)
        }
        try FileManager.default.removeItem(atPath: file)
        try FileManager.default.createSymbolicLink(atPath: file, withDestinationPath: "/dev/zero")
        #expect(cache.document(at: document.url) == nil)
    }

    @Test func `a directory that others may write is no cache`() throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: directory)
        #expect(DocumentCache(directory: directory) == nil)
        #expect(DocumentCache(directory: "relative") == nil)
        #expect(DocumentCache(directory: "/dev/null/x") == nil)
    }

    @Test func `an entity tag that would write a field of its own is dropped`() throws {
        let cache = try #require(DocumentCache(directory: directory + "/martlet"))
        defer { try? FileManager.default.removeItem(atPath: directory) }
        cache.keep(
            CachedDocument(
                url: document.url, etag: "\"a\"\r\nX: y", checkedAt: 1, freshUntil: 2, body: Array("{}".utf8)))
        #expect(cache.document(at: document.url)?.etag == nil)
        cache.keep(CachedDocument(url: "https://a.example/b", etag: nil, checkedAt: 1, freshUntil: 2, body: [0xFF]))
        #expect(cache.document(at: "https://a.example/b") == nil)
    }

    @Test func `a copy is fresh between its check and its end`() {
        #expect(document.isFresh(at: 1_000) && document.isFresh(at: 4_999))
        #expect(!document.isFresh(at: 5_000) && !document.isFresh(at: 999))
    }
}
