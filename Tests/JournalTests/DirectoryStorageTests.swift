import Foundation
import Glibc
import Synchronization
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

    @Test func `gives the lock back although a process that is being started has a copy of it`() throws {
        let directory = TemporaryDirectory()
        let first = DirectoryStorage(path: directory.path)
        try first.lock()
        let copy = try #require(copyOfDescriptor(of: "\(directory.path)/LOCK"))
        defer { close(copy) }
        first.unlock()
        #expect(throws: Never.self) { try DirectoryStorage(path: directory.path).lock() }
    }

    /// What fork(2) makes of each descriptor.
    private func copyOfDescriptor(of path: String) -> Int32? {
        let open = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        let found = open.first {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path
        }
        return found.flatMap { Int32($0) }.map { dup($0) }
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

    @Test func `looking whether a file is in its place leaves its times unseen`() throws {
        // Once they were seen, each write gets a time of its own, finer than the coarse clock's, and the file system writes
        // the inode with every commit.
        let directory = TemporaryDirectory()
        let storage = DirectoryStorage(path: directory.path)
        try storage.lock()
        try storage.create("file", content: [UInt8](repeating: 0, count: 4_096)).close()
        let path = directory.path + "/file"
        let calls = LinuxCalls()
        let file = try calls.open(path, .existing)
        defer { calls.close(file) }
        var attempts = 0
        var isCoarse = false
        // Other files' times can get in between.
        while !isCoarse, attempts < 100 {
            attempts += 1
            for _ in 0..<3 {
                _ = try calls.write([1], from: 0, to: file, at: 0)
                #expect(try calls.status(of: file) == calls.status(of: path))
            }
            var before = timespec()
            var after = timespec()
            var found = stat()
            unsafe clock_gettime(CLOCK_REALTIME_COARSE, &before)
            _ = try calls.write([1], from: 0, to: file, at: 0)
            unsafe clock_gettime(CLOCK_REALTIME_COARSE, &after)
            unsafe stat(path, &found)
            isCoarse = found.st_mtim.tv_nsec == before.tv_nsec || found.st_mtim.tv_nsec == after.tv_nsec
            usleep(5_000)
        }
        #expect(isCoarse)
    }

    @Test func `removes what a compaction leaves behind with one sync of the directory`() throws {
        let directory = TemporaryDirectory()
        let calls = CountingCalls()
        let storage = DirectoryStorage(path: directory.path, calls: calls)
        let writer = try reopen(storage, .test(segmentRecordCount: 4))
        for number in UInt64(0)..<60 { _ = try writer.write(.revoke(number)) }
        calls.reset()
        let report = try writer.compact(EveryRecord())
        #expect(report.segmentCount >= 20)
        #expect(calls.unlinkCount == report.segmentCount)
        // The roll's new segment, the snapshot's name, and the removals.
        #expect(calls.directorySyncCount == 3)
        writer.close()
        // As after a compaction that was cut short before it removed anything.
        let names = (100..<164).map { "\($0).tmp" }
        for name in names { try directory.put(name, [1]) }
        calls.reset()
        try reopen(storage, .test(segmentRecordCount: 4)).close()
        #expect(calls.unlinkCount == names.count)
        #expect(try directory.names().allSatisfy { !$0.hasSuffix(".tmp") })
        // The lock, the removals, the new segment.
        #expect(calls.directorySyncCount == 3)
        calls.reset()
        try storage.remove([])
        #expect(calls.directorySyncCount == 0)
        // What was removed before a name was missing is not reported as done.
        try directory.put("a", [1])
        #expect(throws: JournalFault.io(function: "unlink", errno: 2, path: directory.path + "/b")) {
            try storage.remove(["a", "b"])
        }
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

private struct EveryRecord: RecordSieve {
    mutating func keeps(_ record: JournalRecord) -> Bool { true }
    var heldBack: [JournalRecord] { [] }
}

/// The kernel's calls, with the ones counted that a removal makes.
private final class CountingCalls: SystemCalls {
    private struct Counts {
        var unlinks = 0
        var directorySyncs = 0
        var directories: Set<Int32> = []
    }

    private let linux = LinuxCalls()
    private let counts = Mutex(Counts())

    var unlinkCount: Int { counts.withLock { $0.unlinks } }
    var directorySyncCount: Int { counts.withLock { $0.directorySyncs } }

    func reset() {
        counts.withLock {
            $0.unlinks = 0
            $0.directorySyncs = 0
        }
    }

    func open(_ path: String, _ mode: OpenMode) throws(SystemError) -> Int32 {
        let file = try linux.open(path, mode)
        counts.withLock {
            _ = mode == .directory ? $0.directories.insert(file).inserted : $0.directories.remove(file) != nil
        }
        return file
    }

    func synchronize(_ file: Int32) throws(SystemError) {
        counts.withLock { if $0.directories.contains(file) { $0.directorySyncs += 1 } }
        try linux.synchronize(file)
    }

    func unlink(_ path: String) throws(SystemError) {
        counts.withLock { $0.unlinks += 1 }
        try linux.unlink(path)
    }

    func close(_ file: Int32) { linux.close(file) }
    func write(_ octets: [UInt8], from start: Int, to file: Int32, at offset: UInt64) throws(SystemError) -> Int {
        try linux.write(octets, from: start, to: file, at: offset)
    }
    func writeBack(_ file: Int32, from offset: UInt64, count: Int, waits: Bool) throws(SystemError) {
        try linux.writeBack(file, from: offset, count: count, waits: waits)
    }
    func truncate(_ file: Int32, to byteCount: UInt64) throws(SystemError) { try linux.truncate(file, to: byteCount) }
    func rename(_ path: String, to newPath: String) throws(SystemError) { try linux.rename(path, to: newPath) }
    func makeDirectory(_ path: String) throws(SystemError) { try linux.makeDirectory(path) }
    func lock(_ file: Int32) throws(SystemError) { try linux.lock(file) }
    func unlock(_ file: Int32) { linux.unlock(file) }
    func names(in path: String) throws(SystemError) -> [String] { try linux.names(in: path) }
    func status(of path: String) throws(SystemError) -> FileStatus { try linux.status(of: path) }
    func status(of file: Int32) throws(SystemError) -> FileStatus { try linux.status(of: file) }
    func read(_ path: String, at offset: UInt64, count: Int) throws(JournalFault) -> [UInt8] {
        try linux.read(path, at: offset, count: count)
    }
}
