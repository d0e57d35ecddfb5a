import Glibc
import Journal

/// Bugs put into the way between the journal and the disk, or into what it is told, that a simulation must find.
enum Mutant: String, CaseIterable {
    /// One write in eight returns before it is on stable storage, and nothing makes up for it.
    case skipSync = "skip-sync"
    /// Names are not made durable one time in four.
    case forgetDirectorySync = "forget-directory-sync"
    /// A sync that failed is tried again on the same file, and believed.
    case retryFailedSync = "retry-failed-sync"
    /// All segments have one salt: what stale blocks hold passes for their own.
    case constantSalt = "constant-salt"
    /// Promised first, synced with the next write.
    case acknowledgeBeforeSync = "acknowledge-before-sync"
    /// A snapshot is written without a sync before its name is given.
    case forgetSnapshotSync = "forget-snapshot-sync"
    /// A clock that was set forward is taken as evidence that time has passed.
    case wallClockAsEvidence = "wall-clock-as-evidence"
    /// A start believes the page cache.
    case readThroughCache = "read-through-cache"
    /// A file that was moved away is written on.
    case ignoreReplacedFile = "ignore-replaced-file"
    /// A login is answered before its entry is durable.
    case answerBeforeEntry = "answer-before-entry"
    /// One wake-up of the writer thread in four is lost.
    case loseWakeUp = "lose-wake-up"
    /// Two wake-ups before the writer runs cancel each other.
    case mergeWakeUps = "merge-wake-ups"

    func calls(_ disk: SimulatedDisk) -> any SystemCalls { MutantCalls(self, disk) }
}

/// `@unchecked Sendable` holds because a simulation runs on one thread.
private final class MutantCalls: SystemCalls, @unchecked Sendable {
    private let mutant: Mutant
    private let disk: SimulatedDisk
    private var count = 0
    private var directories: Set<Int32> = []
    private var unsettled: Set<Int32> = []
    private var late: Int32?
    private var locked: Int32?

    init(_ mutant: Mutant, _ disk: SimulatedDisk) {
        self.mutant = mutant
        self.disk = disk
    }

    func open(_ path: String, _ mode: OpenMode) throws(SystemError) -> Int32 {
        let file = try disk.open(path, mode)
        if mode == .directory { directories.insert(file) } else { directories.remove(file) }
        if mode == .unsettledDraft { unsettled.insert(file) } else { unsettled.remove(file) }
        return file
    }

    func close(_ file: Int32) {
        if late == file { late = nil }
        disk.close(file)
    }

    func write(
        _ octets: [UInt8], from start: Int, to file: Int32, at offset: UInt64
    ) throws(SystemError) -> Int {
        count += 1
        switch mutant {
        case .skipSync where count % 8 == 0:
            return try disk.write(octets, from: start, to: file, at: offset, isSynchronous: false)
        case .acknowledgeBeforeSync where offset > 0:
            if let late { try disk.synchronize(late) }
            late = file
            return try disk.write(octets, from: start, to: file, at: offset, isSynchronous: false)
        case .retryFailedSync:
            do throws(SystemError) {
                return try disk.write(octets, from: start, to: file, at: offset)
            } catch {
                guard error.code == EIO else { throw error }
                try disk.synchronize(file)
                return octets.count - start
            }
        default:
            return try disk.write(octets, from: start, to: file, at: offset)
        }
    }

    func synchronize(_ file: Int32) throws(SystemError) {
        if mutant == .forgetDirectorySync, directories.contains(file) {
            count += 1
            if count % 4 == 0 { return }
        }
        if mutant == .forgetSnapshotSync, unsettled.contains(file) { return }
        try disk.synchronize(file)
    }

    func writeBack(_ file: Int32, from offset: UInt64, count: Int, waits: Bool) throws(SystemError) {
        try disk.writeBack(file, from: offset, count: count, waits: waits)
    }

    func truncate(_ file: Int32, to byteCount: UInt64) throws(SystemError) {
        try disk.truncate(file, to: byteCount)
    }

    func rename(_ path: String, to newPath: String) throws(SystemError) { try disk.rename(path, to: newPath) }
    func unlink(_ path: String) throws(SystemError) { try disk.unlink(path) }
    func makeDirectory(_ path: String) throws(SystemError) { try disk.makeDirectory(path) }
    func lock(_ file: Int32) throws(SystemError) {
        try disk.lock(file)
        locked = file
    }

    func unlock(_ file: Int32) { disk.unlock(file) }
    func names(in path: String) throws(SystemError) -> [String] { try disk.names(in: path) }

    func changes(in path: String) throws(SystemError) -> DirectoryChanges { try disk.changes(in: path) }

    func status(of path: String) throws(SystemError) -> FileStatus {
        guard mutant == .ignoreReplacedFile, path.hasSuffix(".jrn"), let last = lastStatus else {
            return try disk.status(of: path)
        }
        return last
    }

    private var lastStatus: FileStatus?

    func status(of file: Int32) throws(SystemError) -> FileStatus {
        let status = try disk.status(of: file)
        // Not of the lock, which is asked for when it is taken.
        guard locked != file else { return status }
        guard mutant == .ignoreReplacedFile else { return status }
        lastStatus = FileStatus(device: status.device, inode: status.inode, linkCount: 1, byteCount: status.byteCount)
        return lastStatus ?? status
    }

    func read(_ path: String, at offset: UInt64, count: Int) throws(JournalError) -> [UInt8] {
        mutant == .readThroughCache
            ? try disk.readCached(path, at: offset, count: count) : try disk.read(path, at: offset, count: count)
    }
}
