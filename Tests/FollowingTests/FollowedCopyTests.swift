@testable import Following
import Encoding
import Foundation
import HTTPClient
import JOSE
import Platform
import Revocation
import Synchronization
import Testing

@Suite("The copy of a follower on disk")
struct FollowedCopyTests {
    private final class Times: Sendable {
        let now = Mutex<Int64>(1_000_000)
        let wall = Mutex<Int64>(1_790_000_000_000)
    }

    private let times = Times()
    private let directory = FileManager.default.temporaryDirectory.appending(path: "copy-\(Foundation.UUID())").path

    private func clock(boot: String = "boot") -> CopyClock {
        CopyClock(
            now: { [times] in times.now.withLock { $0 } },
            wall: WallClock { [times] in UnixMilliseconds(times.wall.withLock { $0 }) }, bootID: boot)
    }

    private func open(boot: String = "boot") throws -> (copy: FollowedCopy, loaded: FollowedCopy.Loaded, seqs: [UInt64])
    {
        let copy = try FollowedCopy(directory: directory, clock: clock(boot: boot))
        var seqs: [UInt64] = []
        let loaded = try copy.load { seqs += $0.map(\.position.seq) }
        return (copy, loaded, seqs.sorted())
    }

    /// A snapshot whose line is only read, not verified.
    private func adopt(
        _ copy: FollowedCopy, _ records: [FeedRecord], at position: String, _ use: FollowMachine.SnapshotUse
    ) throws {
        var body: [UInt8] = []
        for record in records { FeedCodec.write(record, to: &body) }
        let digest = "sha-256=:\(Base64.encode([UInt8](repeating: 0, count: 32))):"
        let payload =
            "{\"iss\":\"i\",\"iat\":1,\"pos\":\"\(position)\",\"count\":\(records.count),\"digest\":\"\(digest)\"}"
        let parts = ["{\"alg\":\"RS256\"}", payload].map { Base64URL.encode(Array($0.utf8)) } + ["AAAA"]
        let line = Array(parts.joined(separator: ".").utf8)
        let file = try copy.newSnapshotFile()
        try file.write(line + [0x0A] + body, at: 0)
        copy.adopt(file, try SnapshotClaims(verified: line), use)
        #expect(copy.fault == nil)
    }

    private func append(_ copy: FollowedCopy, _ seqs: [UInt64], head: UInt64, after: UInt64, asOf: Int64? = 999_000)
        throws
    {
        let answer = FeedAnswers.answer(FeedAnswers.sessions(seqs), head: "1:\(head)")
        let batch = try FeedBatch(answer, after: LedgerPosition(epoch: 1, seq: after), issuer: FeedAnswers.issuer)
        copy.append(batch, asOf: asOf)
        #expect(copy.fault == nil)
    }

    @Test func `a new directory has nothing, and only one process may use it`() throws {
        let (copy, loaded, seqs) = try open()
        #expect(loaded.position == nil && loaded.asOf == nil && seqs.isEmpty)
        #expect(throws: FileError.locked(path: "\(directory)/LOCK")) {
            try FollowedCopy(directory: directory, clock: clock())
        }
        _ = copy
    }

    @Test func `snapshot, log, position and age come back`() throws {
        do {
            let (copy, _, _) = try open()
            try adopt(copy, FeedAnswers.sessions([3, 5]), at: "1:6", .continuation)
            try append(copy, [8, 9], head: 20, after: 6)
        }
        let (_, loaded, seqs) = try open()
        #expect(seqs == [3, 5, 8, 9] && loaded.count == 4 && !loaded.isDamaged)
        #expect(loaded.position == LedgerPosition(epoch: 1, seq: 20) && loaded.asOf == 999_000)
    }

    @Test func `after a restart of the machine the wall clock says the age`() throws {
        do {
            let (copy, _, _) = try open()
            try adopt(copy, [], at: "1:6", .continuation)
            try append(copy, [8], head: 8, after: 6)
        }
        times.now.withLock { $0 = 5_000 }
        times.wall.withLock { $0 += 60_000 }
        do {
            let (_, loaded, _) = try open(boot: "another")
            #expect(loaded.asOf == 5_000 - 61_000)
        }
        times.wall.withLock { $0 -= 3_600_000 }
        let (_, loaded, _) = try open(boot: "third")
        #expect(loaded.asOf == nil, "the clock was set back, so nothing is known about the age")
        #expect(loaded.position == LedgerPosition(epoch: 1, seq: 8))
    }

    @Test(arguments: [1, 63, 64, 65, 127])
    func `a torn end is cut off, and asked for again`(_ lost: Int) throws {
        do {
            let (copy, _, _) = try open()
            try adopt(copy, [], at: "1:6", .continuation)
            try append(copy, [7, 8, 9], head: 30, after: 6)
        }
        let path = "\(directory)/followed.log"
        let bytes = try Data(contentsOf: URL(filePath: path))
        try bytes.dropLast(lost).write(to: URL(filePath: path))
        let (copy, loaded, seqs) = try open()
        let whole = (192 - lost) / 64
        #expect(seqs == Array([7, 8, 9].prefix(whole)))
        #expect(loaded.position == LedgerPosition(epoch: 1, seq: seqs.last ?? 6), "never the head of the position file")
        try append(copy, Array([8, 9].suffix(3 - whole)), head: 31, after: seqs.last ?? 6)
        #expect(try Data(contentsOf: URL(filePath: path)).count == 192)
    }

    @Test func `zeros in the log, as after a power failure, end it`() throws {
        do {
            let (copy, _, _) = try open()
            try adopt(copy, [], at: "1:6", .continuation)
            try append(copy, [7, 8, 9], head: 30, after: 6)
        }
        let path = "\(directory)/followed.log"
        var bytes = try Data(contentsOf: URL(filePath: path))
        bytes.replaceSubrange(64..<128, with: Data(count: 64))
        try bytes.write(to: URL(filePath: path))
        let (_, loaded, seqs) = try open()
        #expect(seqs == [7] && loaded.position == LedgerPosition(epoch: 1, seq: 7))
    }

    @Test func `a damaged snapshot keeps its intact records and needs another`() throws {
        do {
            let (copy, _, _) = try open()
            try adopt(copy, FeedAnswers.sessions([3, 4, 5]), at: "1:6", .continuation)
        }
        let path = "\(directory)/followed.snap"
        var bytes = try Data(contentsOf: URL(filePath: path))
        bytes[bytes.count - 70] ^= 1
        try bytes.write(to: URL(filePath: path))
        let (_, loaded, seqs) = try open()
        #expect(seqs == [3, 5] && loaded.isDamaged && loaded.position == nil)
    }

    @Test func `a snapshot replaces the log up to its position only`() throws {
        do {
            let (copy, _, _) = try open()
            try adopt(copy, [], at: "1:6", .continuation)
            try append(copy, [7, 8, 9], head: 9, after: 6)
            try adopt(copy, FeedAnswers.sessions([7, 8]), at: "1:8", .continuation)
            try append(copy, [10], head: 10, after: 9)
        }
        let (_, loaded, seqs) = try open()
        #expect(seqs == [7, 8, 9, 10] && loaded.position == LedgerPosition(epoch: 1, seq: 10))
        #expect(try Data(contentsOf: URL(filePath: "\(directory)/followed.log")).count == 128)
    }

    @Test func `a reset keeps every revocation, once`() throws {
        do {
            let (copy, _, _) = try open()
            try adopt(copy, FeedAnswers.sessions([3, 5]), at: "1:6", .continuation)
            try append(copy, [8, 9], head: 9, after: 6)
            // The other history has one of them.
            try adopt(copy, FeedAnswers.sessions([5]), at: "1:7", .reset)
            try adopt(copy, FeedAnswers.sessions([5]), at: "1:7", .reset)
        }
        let (_, loaded, seqs) = try open()
        #expect(seqs == [3, 5, 8, 9] && loaded.position == LedgerPosition(epoch: 1, seq: 7))
        #expect(try Data(contentsOf: URL(filePath: "\(directory)/followed.kept")).count == 3 * 64)
    }

    @Test func `what expired more than a week ago is not kept`() throws {
        do {
            let (copy, _, _) = try open()
            let old = FeedAnswers.session(3, expires: 1_780_000_000_000)
            try adopt(copy, [old].compactMap { $0 }, at: "1:6", .continuation)
            try adopt(copy, [], at: "1:2", .reset)
        }
        #expect(try open().seqs.isEmpty)
    }

    @Test func `a line about a position is whole or nothing`() {
        let line = CopyPosition(
            position: LedgerPosition(epoch: 3, seq: 77), logByteCount: 640, bootID: "b", asOf: -5, wall: 9)
        #expect(line.bytes.count == CopyPosition.byteCount && CopyPosition(line.bytes) == line)
        for index in 0..<20 {
            var bytes = line.bytes
            bytes[index] ^= 1
            #expect(CopyPosition(bytes) == nil)
        }
        #expect(CopyPosition([]) == nil)
    }
}
