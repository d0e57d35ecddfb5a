internal import Encoding
import Platform

/// Decides which records of a journal are still needed, reading from the oldest on.
///
/// A record that is not kept is lost once the snapshot is complete, so a filter may drop one only for reasons that are
/// certain and durable.
package protocol CompactionFilter: Sendable {
    /// Returns whether the record is kept unchanged. The journal itself drops its own two kinds.
    mutating func keeps(_ record: JournalRecord) -> Bool
    /// Records appended at the end in place of some that were not kept.
    var replacements: [JournalRecord] { get }
}

/// The result of a compaction.
package struct CompactionReport: Equatable, Sendable {
    /// The number of records in the old snapshot and the segments.
    package internal(set) var readCount: UInt64 = 0
    package internal(set) var keptCount: UInt64 = 0
    package internal(set) var segmentCount = 0
    /// The last segment and record that the snapshot covers; 0 if there was nothing to do.
    var number: UInt64 = 0
    var lastSeq: UInt64 = 0

    package init() {}
}

/// Rewrites the old snapshot and the segments after it as a new snapshot.
///
/// It reads only files that are complete: a segment is complete as soon as the next one exists. At each step the
/// directory contains exactly one complete set of files. The new snapshot becomes valid when it is renamed to its final
/// name, and only then are the files removed that it covers.
struct Compaction {
    let storage: any JournalStorage
    let options: JournalOptions
    let kinds: RecordKinds
    let isCancelled: () -> Bool

    /// Runs the compaction.
    ///
    /// - Parameter active: the number of the segment that is being written; only the segments before it are read.
    /// - Throws: `.closed` if it was canceled; the files are then unchanged.
    func run(below active: UInt64, _ filter: any CompactionFilter) throws(JournalError) -> CompactionReport {
        let chain = try SegmentChain(storage, kinds)
        let covered = chain.segments.filter { $0.header.number < active }
        guard let last = covered.last, covered.count < chain.segments.count else { return CompactionReport() }
        let name = SnapshotName(number: last.header.number).text
        let draft = name + TemporaryName.ending
        var report: CompactionReport
        do throws(JournalError) {
            report = try write(chain, covered, to: draft, filter)
        } catch {
            // Best effort: the next start also removes it.
            try? storage.remove(draft)
            throw error
        }
        try storage.rename(draft, to: name)
        // The order does not matter: the name of the new snapshot is on stable storage, and only that snapshot is
        // valid.
        try storage.remove(chain.obsolete + [chain.snapshot?.file].compactMap { $0 } + covered.map(\.name))
        report.segmentCount = covered.count
        return report
    }

    /// Writes the draft and returns after it was read back and verified.
    private func write(
        _ chain: SegmentChain, _ covered: [Segment], to draft: String, _ filter: any CompactionFilter
    ) throws(JournalError) -> CompactionReport {
        var filter = filter
        var report = CompactionReport()
        let salt = UInt32(truncatingIfNeeded: options.random())
        var reader = ChainReader(
            chain, segmentCount: covered.count, chunkByteCount: ReadSize.besideCommits, in: storage)
        var writer = try SnapshotWriter(name: draft, salt: salt, in: storage)
        while let record = try reader.next() {
            if report.readCount & 4_095 == 0, isCancelled() { throw .closed }
            report.readCount &+= 1
            guard record.kind != .open, record.kind != .seal, filter.keeps(record) else { continue }
            try writer.append(record)
        }
        for record in filter.replacements { try writer.append(record) }
        report.keptCount = writer.recordCount
        report.number = chain.segments[covered.count].header.number &- 1
        report.lastSeq = reader.lastSeq
        let header = SnapshotHeader(
            store: chain.segments[covered.count].header.store, number: report.number, lastSeq: reader.lastSeq,
            created: options.clock.now, salt: salt, recordCount: writer.recordCount,
            lastChecksum: reader.lastChecksum, lastTime: reader.lastTime)
        try writer.finish(header)
        if isCancelled() { throw .closed }
        let written = try Snapshot(draft, number: report.number, kinds, in: storage)
        guard written.header == header else {
            throw .corrupt(file: draft, offset: 0, expectation: "the header that was just written")
        }
        try written.verify(in: storage, chunkByteCount: ReadSize.besideCommits)
        return report
    }
}
