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
        #expect(throws: JournalError.locked(path: directory.path + "/LOCK")) {
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
            _ = try writer.write(.entry(UInt64(number)))
            writer.close()
        }
        let records = try replay(DirectoryStorage(path: directory.path)).records
        #expect(records.filter { $0.kind == .entry }.map(\.key.low) == [0, 1, 2, 3, 4])
    }

    @Test(arguments: ["unlinked", "moved", "replaced"])
    func `a segment that is taken away stops acknowledgements`(_ way: String) throws {
        let directory = TemporaryDirectory()
        let writer = try reopen(DirectoryStorage(path: directory.path))
        _ = try writer.write(.entry(1))
        let path = "\(directory.path)/\(firstSegment)"
        if way == "moved" {
            try FileManager.default.moveItem(atPath: path, toPath: path + ".old")
        } else {
            try FileManager.default.removeItem(atPath: path)
            if way == "replaced" { try directory.put(firstSegment, [1]) }
        }
        let reason = JournalError.unwritable(reason: JournalError.replaced(path: path).description)
        #expect(throws: reason) { try writer.write(.entry(2)) }
        writer.close()
    }

    @Test func `a write costs one check while no name changes, and a complete one after each change`() throws {
        let directory = TemporaryDirectory()
        let calls = CountingCalls(isSettled: true)
        let writer = try reopen(DirectoryStorage(path: directory.path, calls: calls))
        _ = try writer.write(.entry(1))
        let complete = calls.checkCount
        for number in UInt64(2)...20 { _ = try writer.write(.entry(number)) }
        #expect(calls.checkCount == complete + 19)
        // A foreign name harms nothing.
        usleep(20_000)
        try directory.put("foreign", [])
        _ = try writer.write(.entry(21))
        #expect(calls.checkCount > complete + 20)
        writer.close()
    }

    @Test(arguments: ["unlinked", "moved", "replaced", "lock", "directory"])
    func `what is taken away after a quiet time stops acknowledgements too`(_ what: String) throws {
        let directory = TemporaryDirectory()
        let writer = try reopen(DirectoryStorage(path: directory.path, calls: CountingCalls(isSettled: true)))
        for number in UInt64(1)...5 { _ = try writer.write(.entry(number)) }
        // Later than the last change by more than a tick of the file system's clock.
        usleep(20_000)
        let path = "\(directory.path)/\(firstSegment)"
        let files = FileManager.default
        switch what {
        case "moved": try files.moveItem(atPath: path, toPath: path + ".old")
        case "lock": try files.removeItem(atPath: directory.path + "/LOCK")
        case "directory":
            try files.moveItem(atPath: directory.path, toPath: directory.path + ".old")
            try files.copyItem(atPath: directory.path + ".old", toPath: directory.path)
        default:
            try files.removeItem(atPath: path)
            if what == "replaced" { try directory.put(firstSegment, [1]) }
        }
        #expect(throws: JournalError.self) { try writer.write(.entry(6)) }
        #expect(writer.condition == .replaced)
        writer.close()
        try? files.removeItem(atPath: directory.path + ".old")
    }

    @Test(arguments: ["removed", "replaced"])
    func `a lock that is taken away stops acknowledgements`(_ way: String) throws {
        let directory = TemporaryDirectory()
        let writer = try reopen(DirectoryStorage(path: directory.path))
        _ = try writer.write(.entry(1))
        let path = directory.path + "/LOCK"
        try FileManager.default.removeItem(atPath: path)
        if way == "replaced" { try directory.put("LOCK", []) }
        let fault = JournalError.contested(what: "\(path) was removed or replaced")
        #expect(throws: JournalError.unwritable(reason: fault.description)) { try writer.write(.entry(2)) }
        #expect(writer.condition == .replaced)
        writer.close()
    }

    @Test func `a segment that another process begins stops acknowledgements, though the lock is in its place`() throws
    {
        let directory = TemporaryDirectory()
        let writer = try reopen(DirectoryStorage(path: directory.path))
        _ = try writer.write(.entry(1))
        let lock = directory.path + "/LOCK"
        try FileManager.default.moveItem(atPath: lock, toPath: lock + ".away")
        let other = try reopen(DirectoryStorage(path: directory.path))
        try FileManager.default.removeItem(atPath: lock)
        try FileManager.default.moveItem(atPath: lock + ".away", toPath: lock)
        let newer = directory.path + "/" + SegmentName(number: 2, firstSeq: 3).text
        let fault = JournalError.contested(what: "\(newer) was created by another process")
        #expect(throws: JournalError.unwritable(reason: fault.description)) { try writer.write(.entry(2)) }
        writer.close()
        other.close()
    }

    @Test func `what another process may be writing is not compacted away`() throws {
        let directory = TemporaryDirectory()
        let storage = DirectoryStorage(path: directory.path)
        let writer = try reopen(storage, .test(segmentRecordCount: 4))
        for number in UInt64(0)..<9 { _ = try writer.write(.entry(number)) }
        try FileManager.default.removeItem(atPath: directory.path + "/LOCK")
        let fault = JournalError.contested(what: "\(directory.path)/LOCK was removed or replaced")
        let names = try directory.names()
        #expect(throws: fault) { try storage.remove([firstSegment]) }
        #expect(throws: fault) { try storage.rename(firstSegment, to: "away") }
        #expect(throws: fault) { try storage.truncate(firstSegment, to: 0) }
        #expect(throws: JournalError.unwritable(reason: fault.description)) { try writer.compact(EveryRecord()) }
        #expect(try directory.names() == names)
        writer.close()
    }

    @Test func `a start removes drafts of its own, and nobody else's`() throws {
        let directory = TemporaryDirectory()
        try reopen(DirectoryStorage(path: directory.path)).close()
        let segment = SegmentName(number: 9, firstSeq: 9).text
        let ours = [
            segment + ".tmp", SnapshotName(number: 9).text + ".tmp", "RESERVE.tmp", segment + ".00001040.torn.tmp",
        ]
        let others = ["notes.tmp", "a.jrn.tmp", "9.snap.tmp", "LOCK.tmp", segment + ".1040.torn.tmp", ".tmp"]
        for name in ours + others { try directory.put(name, [1]) }
        try reopen(DirectoryStorage(path: directory.path)).close()
        let left = try directory.names().filter { $0.hasSuffix(".tmp") }
        #expect(left == others.sorted())
    }

    @Test func `names that a killed process left are made durable before the directory is read`() throws {
        let directory = TemporaryDirectory()
        try reopen(DirectoryStorage(path: directory.path)).close()
        let calls = CountingCalls()
        let storage = DirectoryStorage(path: directory.path, calls: calls)
        _ = try JournalReader(storage, .test)
        storage.unlock()
        let events = calls.events
        let locked = try #require(events.firstIndex(of: "lock"))
        let synced = try #require(events[locked...].firstIndex(of: "sync directory"))
        let read = try #require(events[locked...].firstIndex(of: "names"))
        #expect(locked < synced && synced < read)
    }

    @Test func `what a killed process said of itself does not outlive it`() throws {
        let directory = TemporaryDirectory()
        let storage = DirectoryStorage(path: directory.path)
        try storage.lock()
        storage.announce("serving\n")
        #expect(try directory.bytes("LOCK") == Array("serving\n".utf8))
        storage.announce("leaving\n")
        #expect(try directory.bytes("LOCK") == Array("leaving\n".utf8))
        storage.unlock()
        try storage.lock()
        #expect(try directory.bytes("LOCK").isEmpty)
        storage.unlock()
    }

    @Test(.enabled(if: geteuid() == 0, "only root gives files away"))
    func `what root makes belongs to the owner of the directory`() throws {
        let directory = TemporaryDirectory()
        try reopen(DirectoryStorage(path: directory.path)).close()
        try #require(chown(directory.path, 65_533, 65_534) == 0)
        let writer = try reopen(DirectoryStorage(path: directory.path))
        _ = try writer.compact(EveryRecord())
        writer.close()
        for name in try directory.names() {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(directory.path)/\(name)")
            #expect(attributes[.ownerAccountID] as? UInt32 == 65_533, "\(name)")
            #expect(attributes[.groupOwnerAccountID] as? UInt32 == 65_534, "\(name)")
        }
    }

    @Test(.enabled(if: geteuid() == 0, "only root writes everywhere"))
    func `a draft that has another name elsewhere is begun anew, not written`() throws {
        let directory = TemporaryDirectory()
        let storage = DirectoryStorage(path: directory.path)
        try storage.lock()
        try directory.put("secret", [1, 2, 3])
        try #require(link(directory.path + "/secret", directory.path + "/file.tmp") == 0)
        try storage.create("file", content: [9]).close()
        #expect(try directory.bytes("secret") == [1, 2, 3])
        #expect(try directory.bytes("file") == [9])
        storage.unlock()
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
        for number in UInt64(0)..<60 { _ = try writer.write(.entry(number)) }
        calls.reset()
        let report = try writer.compact(EveryRecord())
        #expect(report.segmentCount >= 20)
        #expect(calls.unlinkCount == report.segmentCount)
        // The roll's new segment, the snapshot's name, and the removals.
        #expect(calls.directorySyncCount == 3)
        writer.close()
        // As after a compaction that was cut short before it removed anything.
        let names = (100..<164).map { SegmentName(number: $0, firstSeq: $0).text + ".tmp" }
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
        #expect(throws: JournalError.io(function: "unlink", errno: 2, path: directory.path + "/b")) {
            try storage.remove(["a", "b"])
        }
    }

    @Test func `a missing parent is named, with what to do`() {
        let storage = DirectoryStorage(path: "/nonexistent/state")
        let fault = #expect(throws: JournalError.self) { try storage.lock() }
        #expect(
            fault?.description
                == "/nonexistent/state cannot be created: its parent directory does not exist. Create it, mount its "
                + "volume, or set MARTLET_STATE."
        )
    }
}

private struct EveryRecord: CompactionFilter {
    mutating func keeps(_ record: JournalRecord) -> Bool { true }
    var replacements: [JournalRecord] { [] }
}

/// The kernel's calls, with the ones counted that a removal makes.
private final class CountingCalls: SystemCalls {
    private struct Counts {
        var unlinks = 0
        var directorySyncs = 0
        var directories: Set<Int32> = []
        var events: [String] = []
        var checks = 0
    }

    private let linux = LinuxCalls()
    /// Whether every change of a directory counts as old.
    private let isSettled: Bool
    private let counts = Mutex(Counts())

    var unlinkCount: Int { counts.withLock { $0.unlinks } }
    var directorySyncCount: Int { counts.withLock { $0.directorySyncs } }

    /// How often a status or the changes of a directory were asked for.
    var checkCount: Int { counts.withLock { $0.checks } }

    init(isSettled: Bool = false) { self.isSettled = isSettled }

    /// Locking, and reading and syncing of directories, in their order.
    var events: [String] { counts.withLock { $0.events } }

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
        counts.withLock { counts in
            guard counts.directories.contains(file) else { return }
            counts.directorySyncs += 1
            counts.events.append("sync directory")
        }
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
    func lock(_ file: Int32) throws(SystemError) {
        counts.withLock { $0.events.append("lock") }
        try linux.lock(file)
    }
    func unlock(_ file: Int32) { linux.unlock(file) }
    func names(in path: String) throws(SystemError) -> [String] {
        counts.withLock { $0.events.append("names") }
        return try linux.names(in: path)
    }
    func changes(in path: String) throws(SystemError) -> DirectoryChanges {
        counts.withLock { $0.checks += 1 }
        let found = try linux.changes(in: path)
        return DirectoryChanges(
            device: found.device, inode: found.inode, time: found.time, isSettled: isSettled || found.isSettled)
    }
    func status(of path: String) throws(SystemError) -> FileStatus {
        counts.withLock { $0.checks += 1 }
        return try linux.status(of: path)
    }
    func status(of file: Int32) throws(SystemError) -> FileStatus {
        counts.withLock { $0.checks += 1 }
        return try linux.status(of: file)
    }
    func read(_ path: String, at offset: UInt64, count: Int) throws(JournalError) -> [UInt8] {
        try linux.read(path, at: offset, count: count)
    }
}
