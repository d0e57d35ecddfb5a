internal import Encoding
package import Platform
internal import Synchronization

/// A snapshot that replaces the files of a copy up to a number. One thread uses it.
package final class CopyReplacement {
    private let copy: JournalCopy
    private let name: String
    fileprivate let number: UInt64
    /// Where the copy was at the beginning.
    fileprivate let begin: (seq: UInt64, checksum: UInt32, time: UnixMilliseconds)
    private let salt: UInt32
    private var writer: SnapshotWriter?
    private var filter: any CompactionFilter
    private var report = CompactionReport()

    /// Begins with what `filter` keeps of the records of the copy.
    fileprivate init(_ copy: JournalCopy, _ filter: any CompactionFilter) throws(JournalError) {
        self.copy = copy
        self.filter = filter
        let (begin, below) = copy.state.withLock { state in
            JournalCopy.endSegment(&state)
            return ((state.lastSeq, state.lastChecksum, state.lastTime), state.segments.number)
        }
        self.begin = begin
        let last = begin.0
        number = max(1, below &- 1)
        name = SnapshotName(number: number).text + TemporaryName.ending
        salt = UInt32(truncatingIfNeeded: copy.options.random())
        let chain = try SegmentChain(copy.storage, copy.kinds)
        writer = try SnapshotWriter(name: name, salt: salt, in: copy.storage)
        let covered = chain.segments.filter { $0.header.number < below }
        let first = covered.last?.header.firstSeq ?? 0
        var reader = ChainReader(
            chain, segmentCount: covered.count, tailCount: last >= first ? last &- first &+ 1 : 0,
            chunkByteCount: ReadSize.besideCommits, in: copy.storage)
        while let record = try reader.next() {
            report.readCount &+= 1
            try add(record)
        }
        report.segmentCount = covered.count
    }

    /// Adds what the filter keeps of records of the other store, in any order.
    package func add(_ records: [JournalRecord]) throws(JournalError) {
        for record in records { try add(record) }
    }

    private func add(_ record: JournalRecord) throws(JournalError) {
        guard filter.keeps(record) else { return }
        try writer?.append(record)
    }

    /// Adds a record whatever the filter says.
    package func force(_ record: JournalRecord) throws(JournalError) { try writer?.append(record) }

    /// Makes the snapshot valid, and removes the files before it.
    ///
    /// - Parameters:
    ///   - seq: everything up to this number is in it.
    ///   - time: the newest time of these records.
    fileprivate func finish(
        at seq: UInt64, time: UnixMilliseconds
    ) throws(JournalError) -> CompactionReport {
        for record in filter.replacements { try writer?.append(record) }
        guard let writer = writer.take() else { throw .closed }
        report.keptCount = writer.recordCount
        let header = SnapshotHeader(
            store: copy.store, number: number, lastSeq: seq, created: copy.options.clock.now, salt: salt,
            recordCount: writer.recordCount, lastChecksum: begin.checksum, lastTime: time, isCopy: true)
        try writer.finish(header)
        let written = try Snapshot(name, number: number, copy.kinds, in: copy.storage)
        try written.verify(in: copy.storage, chunkByteCount: ReadSize.besideCommits)
        let final = SnapshotName(number: number).text
        let names = try copy.storage.names()
        try copy.storage.rename(name, to: final)
        let obsolete = names.filter { other in
            other != final
                && (SnapshotName(other).map { $0.number <= number } ?? SegmentName(other).map { $0.number <= number }
                    ?? false)
        }
        try copy.storage.remove(obsolete)
        copy.compacted.withLock {
            $0 = CompactedBase(number: number, lastSeq: seq, recordCount: report.keptCount)
        }
        return report
    }
}

extension JournalCopy {
    /// Drops what `filter` does not keep. Records may be appended meanwhile.
    package func compact(_ filter: any CompactionFilter) throws(JournalError) -> CompactionReport {
        try files.withLock { _ throws(JournalError) in
            // Without any file there is nothing to drop, and the next segment is the first one.
            guard durableSeq > 0, extent.recordCount > 0 else { return CompactionReport() }
            let draft = try CopyReplacement(self, filter)
            return try draft.finish(at: draft.begin.seq, time: draft.begin.time)
        }
    }

    /// Replaces everything by a snapshot after which the numbers go on from another place. Nothing is appended meanwhile.
    ///
    /// - Parameters:
    ///   - filter: what it keeps of the present records and of those that `fill` adds.
    ///   - fill: adds records, and returns up to which number everything is there, and the time of that.
    package func replace(
        _ filter: any CompactionFilter,
        _ fill: (CopyReplacement) throws(JournalError) -> (seq: UInt64, time: UnixMilliseconds)
    ) throws(JournalError) {
        try files.withLock { _ throws(JournalError) in
            let draft = try CopyReplacement(self, filter)
            let (seq, time) = try fill(draft)
            let newest = max(draft.begin.time, time)
            _ = try draft.finish(at: seq, time: newest)
            state.withLock {
                restart(&$0, after: draft.number, at: seq, time: newest, checksum: draft.begin.checksum)
            }
        }
    }
}
