internal import Encoding
import Platform

/// Says what of a journal still matters, while the records are read from the oldest on.
///
/// A record that is not kept is gone for good once the snapshot stands, so a sieve may refuse one only for what is
/// certain and durable.
package protocol CompactionFilter: Sendable {
    /// Whether the record is kept as it stands.
    mutating func keeps(_ record: JournalRecord) -> Bool
    /// What stands at the end for records that were not kept.
    var heldBack: [JournalRecord] { get }
}

/// What a compaction did.
package struct CompactionReport: Equatable, Sendable {
    /// Records of the old snapshot and the segments.
    package internal(set) var readCount: UInt64 = 0
    package internal(set) var keptCount: UInt64 = 0
    package internal(set) var segmentCount = 0
    /// Of the last segment and record that the snapshot stands for; 0 if there was nothing to do.
    var number: UInt64 = 0
    var lastSeq: UInt64 = 0
}

/// Writes the old snapshot and the segments after it again as a new snapshot.
///
/// Only files that nobody writes any more are read: a segment is one as soon as the next one stands. At each step the
/// directory holds one complete set of files: the new snapshot counts from the moment it has its name, and only then are
/// the files removed that it stands for.
struct Compaction {
    let storage: any JournalStorage
    let options: JournalOptions
    let isCancelled: () -> Bool

    /// - Parameter active: number of the segment that is being written; the ones before it are taken.
    /// - Throws: `.closed` if it was cancelled; the files are as before then.
    func run(below active: UInt64, _ sieve: any CompactionFilter) throws(JournalError) -> CompactionReport {
        let chain = try SegmentChain(storage)
        let covered = chain.segments.filter { $0.header.number < active }
        guard let last = covered.last, covered.count < chain.segments.count else { return CompactionReport() }
        let name = SnapshotName(number: last.header.number).text
        let draft = name + TemporaryName.ending
        var report: CompactionReport
        do throws(JournalError) {
            report = try write(chain, covered, to: draft, sieve)
        } catch {
            // Best effort: the next start removes it, too.
            try? storage.remove(draft)
            throw error
        }
        try storage.rename(draft, to: name)
        // In any order: the new snapshot's name is on stable storage and counts alone.
        try storage.remove(chain.obsolete + [chain.snapshot?.file].compactMap { $0 } + covered.map(\.name))
        report.segmentCount = covered.count
        return report
    }

    /// Returns when the draft was read back whole.
    private func write(
        _ chain: SegmentChain, _ covered: [Segment], to draft: String, _ sieve: any CompactionFilter
    ) throws(JournalError) -> CompactionReport {
        var sieve = sieve
        var report = CompactionReport()
        let salt = UInt32(truncatingIfNeeded: options.random())
        var reader = ChainReader(
            chain, segmentCount: covered.count, chunkByteCount: ReadSize.besideCommits, in: storage)
        var writer = try SnapshotWriter(name: draft, salt: salt, in: storage)
        while let record = try reader.next() {
            if report.readCount & 4_095 == 0, isCancelled() { throw .closed }
            report.readCount &+= 1
            guard record.kind != .open, record.kind != .seal, sieve.keeps(record) else { continue }
            try writer.append(record)
        }
        for record in sieve.heldBack { try writer.append(record) }
        report.keptCount = writer.recordCount
        report.number = chain.segments[covered.count].header.number &- 1
        report.lastSeq = reader.lastSeq
        let header = SnapshotHeader(
            store: chain.segments[covered.count].header.store, number: report.number, lastSeq: reader.lastSeq,
            created: options.clock.now, salt: salt, recordCount: writer.recordCount,
            lastChecksum: reader.lastChecksum, lastTime: reader.lastTime)
        try writer.finish(header)
        if isCancelled() { throw .closed }
        let written = try Snapshot(draft, number: report.number, in: storage)
        guard written.header == header else {
            throw .corrupt(file: draft, offset: 0, expectation: "the header that was just written")
        }
        try written.verify(in: storage, chunkByteCount: ReadSize.besideCommits)
        return report
    }
}
