internal import Encoding
internal import Journal
internal import OpenSSL
package import Platform
internal import Synchronization
internal import Tokens

/// Why the revocations could not be collected.
package enum LiveRevocationsError: Error, Sendable, CustomStringConvertible {
    case journal(JournalFailure)
    case file(FileError)
    /// The log has no files.
    case noFiles

    /// A fault of the journal, for callers that do not import Journal.
    package struct JournalFailure: Sendable, CustomStringConvertible {
        package let description: String
    }

    package var description: String {
        switch self {
        case .journal(let failure): failure.description
        case .file(let error): error.description
        case .noFiles: "the log has no files"
        }
    }
}

/// Everything that is revoked at a position: the records of the feed that are still needed, in the binary form and in
/// ascending order, in a file without a name.
package struct LiveRevocations: Sendable {
    /// Up to where the records are complete.
    package let position: LedgerPosition
    package let count: Int
    /// SHA-256 of the records.
    package let digest: [UInt8]
    private let file: ScratchFile

    package var byteCount: Int { count &* FeedCodec.byteCount }

    package init(position: LedgerPosition, count: Int, digest: [UInt8], file: ScratchFile) {
        self.position = position
        self.count = count
        self.digest = digest
        self.file = file
    }

    /// Returns a part of the records.
    package func bytes(_ range: Range<Int>) throws(FileError) -> [UInt8] {
        try file.read(at: range.lowerBound, count: range.count)
    }

    /// Returns SHA-256 of `prefix` and the records.
    package func digest(after prefix: [UInt8]) throws(FileError) -> [UInt8] {
        let hash = SHA256Pieces()
        hash.add(prefix.span)
        var offset = 0
        while offset < byteCount {
            let piece = try bytes(offset..<min(byteCount, offset &+ LiveRecordCollector.chunkByteCount))
            guard !piece.isEmpty else { break }
            hash.add(piece.span)
            offset &+= piece.count
        }
        return hash.finish()
    }
}

extension RevocationStore {
    /// Collects everything that is revoked now from the files of the journal. Memory has fingerprints only.
    ///
    /// It runs on the thread of the caller for as long as the disk takes; everything else continues meanwhile, except
    /// for compactions.
    ///
    /// - Parameters:
    ///   - directory: where the copy takes its space.
    ///   - monotonic: milliseconds of the clock in the options.
    package func liveRevocations(
        in directory: String, now: UnixMilliseconds, monotonic: Int64
    ) throws(LiveRevocationsError) -> LiveRevocations {
        guard let files else { throw .noFiles }
        let proven = evidence.withLock { $0.observe(wall: now, monotonic: monotonic) }
        return try files.live(
            LiveRecords(index, horizon: proven.adding(milliseconds: -TokenLimits.standard.purgeMargin)), in: directory)
    }
}

extension LedgerFiles {
    fileprivate func live(
        _ filter: LiveRecords, in directory: String
    ) throws(LiveRevocationsError) -> LiveRevocations {
        let last = storedSeq
        let epochs = followers.epochs
        var filter = filter
        var collected: Result<LiveRecordCollector, FileError> = Result { () throws(FileError) in
            try LiveRecordCollector(directory)
        }
        do throws(JournalError) {
            try read(upTo: last) { _ in
            } batch: { records in
                for record in records where record.seq <= last && Self.isInFeed(record) && filter.keeps(record) {
                    collected.add(record, at: epochs.position(of: record.seq).seq)
                }
            }
        } catch {
            throw .journal(.init(description: "\(error)"))
        }
        for record in filter.replacements where Self.isInFeed(record) {
            collected.add(record, at: epochs.position(of: record.seq).seq)
        }
        do throws(FileError) {
            return try collected.get().finish(at: epochs.position(of: last))
        } catch {
            throw .file(error)
        }
    }

    private static func isInFeed(_ record: JournalRecord) -> Bool {
        switch RevocationCodec.event(record) {
        case .tokenRevoked, .sessionRevoked, .sessionDisplaced, .revokedBefore, .exempted: true
        case .rotated, .sessionOpened, .sessionListed, .epochBegan, .processStarted, nil: false
        }
    }
}

extension Result<LiveRecordCollector, FileError> {
    /// Adds a record, unless an earlier one could not be written.
    fileprivate mutating func add(_ record: JournalRecord, at seq: UInt64) {
        guard case .success(let collector) = self else { return }
        do throws(FileError) { try collector.add(record, at: seq) } catch { self = .failure(error) }
    }
}

/// Writes records in ascending order. Those of revoke-before times come last, and are sorted in at the end.
private final class LiveRecordCollector {
    static let chunkByteCount = 1 << 20
    /// The space that a copy leaves to the journal.
    private static let spareByteCount: Int64 = 32 << 20

    private let directory: String
    private let file: ScratchFile
    private var buffer: [UInt8] = []
    private var byteCount = 0
    private var lastSeq: UInt64 = 0
    /// Records that came after one with a greater number.
    private var late: [(seq: UInt64, bytes: [UInt8])] = []
    private var count = 0

    init(_ directory: String) throws(FileError) {
        self.directory = directory
        file = try ScratchFile(in: directory)
        buffer.reserveCapacity(Self.chunkByteCount)
    }

    func add(_ record: JournalRecord, at seq: UInt64) throws(FileError) {
        count &+= 1
        let record = RevocationCodec.independent(record)
        guard seq > lastSeq else {
            var bytes: [UInt8] = []
            record.writePortable(seq: seq, time: record.time, to: &bytes)
            late.append((seq, bytes))
            return
        }
        lastSeq = seq
        record.writePortable(seq: seq, time: record.time, to: &buffer)
        if buffer.count >= Self.chunkByteCount { try flush() }
    }

    private func flush() throws(FileError) {
        try DiskSpace.check(directory, spare: Self.spareByteCount)
        try file.write(buffer, at: byteCount)
        byteCount &+= buffer.count
        buffer.removeAll(keepingCapacity: true)
    }

    func finish(at position: LedgerPosition) throws(FileError) -> LiveRevocations {
        try flush()
        let hash = SHA256Pieces()
        late.sort { $0.seq < $1.seq }
        let target = late.isEmpty ? file : try ScratchFile(in: directory)
        var merged: [UInt8] = []
        var (offset, written, lateIndex) = (0, 0, 0)
        while offset < byteCount || lateIndex < late.count {
            let piece = try file.read(at: offset, count: min(Self.chunkByteCount, byteCount &- offset))
            offset &+= piece.count
            if late.isEmpty {
                hash.add(piece.span)
                guard !piece.isEmpty else { break }
                continue
            }
            merged.removeAll(keepingCapacity: true)
            for start in stride(from: 0, to: piece.count, by: FeedCodec.byteCount) {
                let seq = FeedCodec.seq(piece.span, at: start)
                while lateIndex < late.count, late[lateIndex].seq < seq {
                    merged += late[lateIndex].bytes
                    lateIndex &+= 1
                }
                merged += piece[start..<(start &+ FeedCodec.byteCount)]
            }
            if offset >= byteCount || piece.isEmpty {
                for rest in late[lateIndex...] { merged += rest.bytes }
                (offset, lateIndex) = (byteCount, late.count)
            }
            hash.add(merged.span)
            try DiskSpace.check(directory, spare: Self.spareByteCount)
            try target.write(merged, at: written)
            written &+= merged.count
        }
        return LiveRevocations(position: position, count: count, digest: hash.finish(), file: target)
    }
}
