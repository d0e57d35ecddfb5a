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
        let store = try RevocationStore.open(
            RevocationOptions(
                directory: directory, grace: 0, sessionMax: nil, clock: SystemClock.wall,
                monotonicNow: { MonotonicClock.nanoseconds() / 1_000_000 }, random: { Random.next64() }))
        defer { store.close() }
        let report = try store.compact(
            now: SystemClock.wall.now, monotonic: MonotonicClock.nanoseconds() / 1_000_000)
        Terminal.write(
            "\(report.readCount) records read, \(report.keptCount) kept, \(report.segmentCount) segments removed\n")
        return ExitCode.ok
    }
}
