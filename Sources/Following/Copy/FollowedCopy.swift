import Encoding
import Glibc
import Platform
import Revocation

/// What a follower keeps on disk, so that it continues after a restart even if no source answers.
///
/// `followed.snap` is a snapshot as the source signed it, and `followed.log` has the records since then. `followed.kept`
/// has the revocations of an earlier history of the source that the present one may lack. `followed.position` says when
/// everything was known, and `followed.jwks` is the key set of the source. Records have checksums of their own, and a
/// position counts only together with the records before it; so nothing is synced for each record.
///
/// `@unchecked Sendable` holds because one thread uses it at a time: the one that starts the process, then the one that
/// follows.
final class FollowedCopy: @unchecked Sendable {
    /// What a copy contained.
    struct Loaded: Equatable, Sendable {
        /// Nil if a snapshot is needed before anything can be followed.
        var position: LedgerPosition?
        /// When everything up to the position was known, by ``CopyClock/now``; nil if that is not known.
        var asOf: Int64?
        var count = 0
        var isDamaged = false
        /// The newest time of a record.
        var lastTime = UnixMilliseconds.epoch
    }

    static let lockName = "LOCK"
    /// The size of the log from which a snapshot replaces it.
    static let logByteCountMax = 4_194_304

    private let directory: String
    private let clock: CopyClock
    private let lock: Int32
    private var log: CopyFile?
    private var logByteCount = 0
    private var positionFile: CopyFile?
    private var notedAt: Int64?
    /// Why the files are behind what is known in memory; nil if they are not.
    private(set) var fault: FileError?

    /// Locks the directory, which is made if it is missing.
    init(directory: String, clock: CopyClock) throws(FileError) {
        self.directory = directory
        self.clock = clock
        try AtomicFile.makeDirectory(directory)
        let path = "\(directory)/\(Self.lockName)"
        lock = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0 else { throw .system(call: "open", path: path, code: errno) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(lock)
            if code == EWOULDBLOCK { throw .locked(path: path) }
            throw .system(call: "flock", path: path, code: code)
        }
    }

    deinit { close(lock) }

    func path(_ name: String) -> String { "\(directory)/followed.\(name)" }

    var isLogEmpty: Bool { logByteCount == 0 }

    /// Whether the log is so long that a snapshot should replace it.
    var isLogLong: Bool { logByteCount > Self.logByteCountMax }

    /// Reads the copy, and makes it ready for ``append(_:at:)``.
    ///
    /// - Parameter take: receives every intact record, in no particular order.
    func load(_ take: ([FeedRecord]) -> Void) throws(FileError) -> Loaded {
        var loaded = Loaded()
        func note(_ records: [FeedRecord]) {
            take(records)
            loaded.count += records.count
            loaded.lastTime = records.reduce(loaded.lastTime) { max($0, $1.time) }
        }
        if FileStamp(path("kept")).exists {
            let kept = try CopyFile(path("kept"))
            _ = try RecordFile.read(kept, from: 0, epoch: 1, stopsAtDamage: false) { records, _ in note(records) }
        }
        var snapshot: LedgerPosition?
        if FileStamp(path("snap")).exists {
            let file = try CopyFile(path("snap"))
            let (claims, start) = try Self.claims(of: file)
            let before = loaded.count
            let (_, isDamaged) = try RecordFile.read(
                file, from: start, epoch: claims?.position.epoch ?? 1, stopsAtDamage: false
            ) { records, _ in note(records) }
            let isWhole = claims.map { !isDamaged && loaded.count - before == $0.count } ?? false
            loaded.isDamaged = !isWhole
            snapshot = isWhole ? claims?.position : nil
        }
        let log = try CopyFile(path("log"))
        var last: LedgerPosition?
        let (end, _) = try RecordFile.read(log, from: 0, epoch: snapshot?.epoch ?? 1, stopsAtDamage: true) {
            records, _ in
            note(records)
            last = records.last?.position ?? last
        }
        if try log.byteCount() > end { try log.truncate(to: end) }
        (self.log, logByteCount) = (log, end)
        place(&loaded, snapshot, last)
        return loaded
    }

    private func place(_ loaded: inout Loaded, _ snapshot: LedgerPosition?, _ last: LedgerPosition?) {
        guard let snapshot else { return }
        loaded.position = last.map { max(snapshot, $0) } ?? snapshot
        guard let bytes = try? AtomicFile.read(path("position"), byteCountMax: 4_096), let noted = CopyPosition(bytes),
            noted.position.epoch == snapshot.epoch, noted.logByteCount <= logByteCount
        else { return }
        loaded.asOf = clock.asOf(noted)
        if noted.logByteCount == logByteCount, let known = loaded.position {
            loaded.position = max(known, noted.position)
        }
    }

    /// Reads the first line of a snapshot.
    ///
    /// - Returns: also where the records begin.
    private static func claims(of file: CopyFile) throws(FileError) -> (SnapshotClaims?, Int) {
        let head = try file.read(at: 0, count: SnapshotClaims.lineByteCountMax + 1)
        guard let end = head.firstIndex(of: 0x0A) else { return (nil, 0) }
        return (try? SnapshotClaims(verified: Array(head[..<end])), end + 1)
    }
}

extension FollowedCopy {
    /// Adds the records of an answer, and notes when everything was known.
    func append(_ batch: FeedBatch, asOf: Int64?) {
        guard fault == nil, let log else { return }
        do throws(FileError) {
            if !batch.bytes.isEmpty {
                try log.write(batch.bytes, at: logByteCount)
                logByteCount += batch.bytes.count
            }
        } catch {
            fault = error
            // Part of a record may have been written.
            try? log.truncate(to: logByteCount)
            return
        }
        let now = clock.now()
        guard let asOf, batch.bytes.isEmpty || notedAt.map({ now &- $0 >= 1_000 }) ?? true else { return }
        note(batch.position, asOf: asOf)
        notedAt = now
    }

    private func note(_ position: LedgerPosition, asOf: Int64) {
        let age = max(0, clock.now().subtractingReportingOverflow(asOf).partialValue)
        let line = CopyPosition(
            position: position, logByteCount: logByteCount, bootID: clock.bootID, asOf: asOf,
            wall: clock.wall.now.adding(milliseconds: -age))
        do throws(FileError) {
            if positionFile == nil { positionFile = try CopyFile(path("position")) }
            try positionFile?.write(line.bytes, at: 0)
        } catch {
            fault = error
        }
    }

    /// The file that a snapshot is written to before ``adopt(_:_:_:)``.
    func newSnapshotFile() throws(FileError) -> CopyFile { try CopyFile(path("snap.new"), isNew: true) }

    /// Replaces the snapshot. A failure leaves the files as they were, and they count as behind.
    ///
    /// - Parameter file: of ``newSnapshotFile()``, with a snapshot that was verified.
    func adopt(_ file: CopyFile, _ claims: SnapshotClaims, _ use: FollowMachine.SnapshotUse) {
        do throws(FileError) {
            try file.sync()
            switch use {
            case .continuation:
                let tail = try records(ofLogAfter: claims.position)
                // A snapshot with an older log is a valid copy, but a newer log with an older snapshot has a gap.
                try file.rename(to: path("snap"))
                try replaceLog(with: tail)
            case .reset:
                try keepRevocations(missingIn: file)
                try replaceLog(with: [])
                try file.rename(to: path("snap"))
            }
            fault = nil
            notedAt = nil
        } catch {
            fault = error
        }
    }

    private func records(ofLogAfter position: LedgerPosition) throws(FileError) -> [UInt8] {
        guard let log else { return [] }
        var tail: [UInt8] = []
        _ = try RecordFile.read(log, from: 0, epoch: position.epoch, stopsAtDamage: true) { records, bytes in
            for (index, record) in records.enumerated() where record.position.seq > position.seq {
                tail += bytes[(index * FeedCodec.byteCount)..<((index + 1) * FeedCodec.byteCount)]
            }
        }
        return tail
    }

    private func replaceLog(with bytes: [UInt8]) throws(FileError) {
        let file = try CopyFile(path("log.new"), isNew: true)
        try file.write(bytes, at: 0)
        try file.sync()
        try file.rename(to: path("log"))
        (log, logByteCount) = (file, bytes.count)
    }

    /// Adds to `followed.kept` what the old files have and the new snapshot lacks, without what has certainly expired.
    private func keepRevocations(missingIn snapshot: CopyFile) throws(FileError) {
        var seen: Set<KeptRecord> = []
        var kept: [UInt8] = []
        // A week, because the clock may be wrong.
        let horizon = clock.wall.now.adding(milliseconds: -7 * 86_400_000)
        func take(_ file: CopyFile, from start: Int, isKept: Bool) throws(FileError) {
            _ = try RecordFile.read(file, from: start, epoch: 1, stopsAtDamage: false) { records, bytes in
                for (index, record) in records.enumerated() {
                    let isNew = seen.insert(KeptRecord(record)).inserted
                    guard isKept, isNew, record.expires > horizon else { continue }
                    kept += bytes[(index * FeedCodec.byteCount)..<((index + 1) * FeedCodec.byteCount)]
                }
            }
        }
        try take(snapshot, from: Self.claims(of: snapshot).1, isKept: false)
        if FileStamp(path("snap")).exists {
            let old = try CopyFile(path("snap"))
            try take(old, from: Self.claims(of: old).1, isKept: true)
        }
        if let log { try take(log, from: 0, isKept: true) }
        if FileStamp(path("kept")).exists { try take(CopyFile(path("kept")), from: 0, isKept: true) }
        let file = try CopyFile(path("kept.new"), isNew: true)
        try file.write(kept, at: 0)
        try file.sync()
        try file.rename(to: path("kept"))
    }
}

/// What a record revokes, without its place in a history.
private struct KeptRecord: Hashable {
    private let id: UUID
    private let value: UInt64
    private let expires: UnixMilliseconds
    private let kind: UInt8

    init(_ record: FeedRecord) {
        expires = record.expires
        switch record.event {
        case .tokenRevoked(let jti, _, let isOfAnyEnd, _): (id, value, kind) = (jti, 0, isOfAnyEnd ? 1 : 0)
        case .revokedBefore(let cut, let of, let key, _, _): (id, value, kind) = (key, cut.value, 16 + of.rawValue)
        case .exempted(let sid, let cut, let of, _): (id, value, kind) = (sid, cut.value, 32 + of.rawValue)
        case .sessionRevoked(let sid, _, _), .sessionDisplaced(let sid, _), .rotated(let sid, _, _, _),
            .sessionOpened(let sid):
            (id, value, kind) = (sid, 0, 2)
        case .sessionListed(let entry): (id, value, kind) = (entry.sid, 0, 3)
        case .processStarted, .epochBegan: (id, value, kind) = (UUID(high: 0, low: 0), 0, 4)
        }
    }
}

extension FollowedCopy {
    private static let keySetByteCountMax = 1_048_576

    /// The key set of the source, as it was when it was last read.
    var keySet: [UInt8]? { try? AtomicFile.read(path("jwks"), byteCountMax: Self.keySetByteCountMax) }

    /// Stores the key set of the source.
    func keep(keySet: [UInt8]) {
        do throws(FileError) { try AtomicFile.replace(path("jwks"), with: keySet) } catch { fault = error }
    }
}
