import Foundation
import Testing

@testable import Journal

@Suite("The state directory")
struct DirectoryStorageTests {
    @Test func `is the owner's only, and so are its files`() throws {
        let directory = TemporaryDirectory()
        let writer = try reopen(DirectoryStorage(path: directory.path))
        #expect(try directory.permissions() == 0o700)
        #expect(try directory.names() == [firstSegment, "LOCK"])
        for name in try directory.names() { #expect(try directory.permissions(name) == 0o600) }
        writer.close()
    }

    @Test func `takes one writer at a time, and the lock goes with it`() throws {
        let directory = TemporaryDirectory()
        let first = try reopen(DirectoryStorage(path: directory.path))
        #expect(throws: JournalFault.locked(path: directory.path + "/LOCK")) {
            try reopen(DirectoryStorage(path: directory.path))
        }
        first.close()
        try reopen(DirectoryStorage(path: directory.path)).close()
    }

    @Test func `keeps records over restarts`() throws {
        let directory = TemporaryDirectory()
        for number in 0..<5 {
            let writer = try reopen(DirectoryStorage(path: directory.path))
            _ = try writer.write(.revoke(UInt64(number)))
            writer.close()
        }
        let records = try replay(DirectoryStorage(path: directory.path)).records
        #expect(records.filter { $0.kind == .revokeToken }.map(\.key.low) == [0, 1, 2, 3, 4])
    }

    @Test(arguments: ["unlinked", "moved", "replaced"])
    func `a segment that is taken away stops acknowledgements`(_ way: String) throws {
        let directory = TemporaryDirectory()
        let writer = try reopen(DirectoryStorage(path: directory.path))
        _ = try writer.write(.revoke(1))
        let path = "\(directory.path)/\(firstSegment)"
        if way == "moved" {
            try FileManager.default.moveItem(atPath: path, toPath: path + ".old")
        } else {
            try FileManager.default.removeItem(atPath: path)
            if way == "replaced" { try directory.put(firstSegment, [1]) }
        }
        let reason = JournalFault.unwritable(reason: JournalFault.replaced(path: path).description)
        #expect(throws: reason) { try writer.write(.revoke(2)) }
        writer.close()
    }

    @Test func `reads a file in pieces up to its end`() throws {
        let directory = TemporaryDirectory()
        let storage = DirectoryStorage(path: directory.path)
        try storage.lock()
        let content = (0..<10_001).map { UInt8(truncatingIfNeeded: $0 * 7) }
        try storage.create("file", content: content).close()
        #expect(try storage.read("file", at: 0, count: 20_000) == content)
        #expect(try storage.read("file", at: 4_096, count: 100) == Array(content[4_096..<4_196]))
        #expect(try storage.read("file", at: 8_192, count: 4_096) == Array(content[8_192...]))
        #expect(try storage.read("file", at: 12_288, count: 64).isEmpty)
        try storage.truncate("file", to: 5_000)
        #expect(try storage.byteCount(of: "file") == 5_000)
    }

    @Test func `a fault names the call, the path and the reason`() {
        let storage = DirectoryStorage(path: "/nonexistent/state")
        let fault = #expect(throws: JournalFault.self) { try storage.lock() }
        #expect(
            fault?.description
                == "mkdir failed for /nonexistent/state: No such file or directory. Check space, permissions and the disk."
        )
    }
}
