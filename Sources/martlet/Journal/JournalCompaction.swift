internal import App
internal import Encoding
internal import Glibc
internal import Journal
internal import OpenSSL
import Platform
internal import Revocation

/// Implements `martlet journal compact`: compacts the journal of a stopped server.
enum JournalCompaction {
    static func run(_ directory: String) throws(JournalError) -> Int32 {
        // Otherwise a mistyped path would create an empty directory.
        guard unsafe access(directory, R_OK) == 0 else {
            throw .io(function: "access", errno: errno, path: directory)
        }
        let progress = ProgressLine()
        defer { progress.end() }
        let storage = DirectoryStorage(path: directory) { progress.advance(by: $0) }
        let byteCount = storage.journalByteCount
        progress.begin("reading", totalByteCount: byteCount)
        let store = try RevocationStore.open(
            RevocationOptions(
                storage: storage, grace: 0, sessionMax: nil, clock: SystemClock.wall,
                monotonicNow: { MonotonicClock.nanoseconds() / 1_000_000 }, random: { Random.next64() }))
        defer { store.close() }
        // The new snapshot is read back, and is at most as long as the old files.
        progress.begin("compacting", totalByteCount: 2 * byteCount)
        let report = try store.compact(
            now: SystemClock.wall.now, monotonic: MonotonicClock.nanoseconds() / 1_000_000)
        progress.end()
        Terminal.write(
            "\(report.readCount) records read, \(report.keptCount) kept, \(report.segmentCount) segments removed\n")
        return ExitCode.ok
    }
}
