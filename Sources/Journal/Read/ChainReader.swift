import Platform

/// Reads the records of a snapshot and of the segments after it, in order, and rejects damaged ones.
struct ChainReader {
    private let storage: any JournalSource
    private let chain: SegmentChain
    /// The number of segments to read.
    private let segmentCount: Int
    /// The number of records in the last segment of the chain.
    private let tailCount: UInt64
    private let chunkByteCount: Int
    private var snapshot: SnapshotCursor?
    private var segmentIndex = 0
    private var cursor: SegmentCursor?
    private(set) var lastSeq: UInt64
    private(set) var lastChecksum: UInt32
    /// Milliseconds since 1970; 0 if there is no record.
    private(set) var lastTime: UnixMilliseconds

    /// - Parameters:
    ///   - tailCount: the number of records in the last segment of the chain, if that segment is to be read.
    ///   - chunkByteCount: the number of bytes per read, a multiple of 4,096.
    init(
        _ chain: SegmentChain, segmentCount: Int, tailCount: UInt64 = 0, chunkByteCount: Int = ReadSize.alone,
        in storage: any JournalSource
    ) {
        self.storage = storage
        self.chain = chain
        self.segmentCount = segmentCount
        self.tailCount = tailCount
        self.chunkByteCount = chunkByteCount
        snapshot = chain.snapshot.map { SnapshotCursor($0, chunkByteCount: chunkByteCount) }
        lastSeq = chain.snapshot?.header.lastSeq ?? 0
        lastChecksum = chain.snapshot?.header.lastChecksum ?? 0
        lastTime = chain.snapshot?.header.lastTime ?? 0
    }

    /// Returns the next record, or nil at the end.
    ///
    /// - Throws: `.corrupt` if a record that was on stable storage is damaged.
    mutating func next() throws(JournalError) -> JournalRecord? {
        if let record = try snapshot?.next(in: storage) { return record }
        snapshot = nil
        while segmentIndex < segmentCount {
            let segment = chain.segments[segmentIndex]
            var cursor = self.cursor.take() ?? SegmentCursor(segment, chunkByteCount: chunkByteCount)
            let count = chain.statedCount(segmentIndex) ?? tailCount
            if cursor.seq &- segment.header.firstSeq >= count {
                try checkEnd(of: segment)
                segmentIndex += 1
                continue
            }
            let seq = cursor.seq
            let record = try Self.record(in: cursor.next(in: storage), seq: seq, of: segment, checksum: &lastChecksum)
            self.cursor = consume cursor
            lastSeq = record.seq
            lastTime = max(lastTime, record.time)
            return record
        }
        return nil
    }

    /// Appends the next records to `records`, at least one and at most `countMax`.
    ///
    /// - Returns: false at the end.
    /// - Throws: as ``next()``.
    mutating func next(into records: inout [JournalRecord], upTo countMax: Int) throws(JournalError) -> Bool {
        let before = records.count
        if snapshot != nil {
            try snapshot?.takeWhole(upTo: countMax, into: &records, in: storage)
        } else if segmentIndex < segmentCount {
            var cursor =
                self.cursor.take() ?? SegmentCursor(chain.segments[segmentIndex], chunkByteCount: chunkByteCount)
            let count = chain.statedCount(segmentIndex) ?? tailCount
            let rest = count &- min(count, cursor.seq &- cursor.segment.header.firstSeq)
            if rest > 0 {
                let wanted = min(countMax, Int(clamping: rest))
                let taken = try cursor.takeWhole(upTo: wanted, into: &records, in: storage)
                if taken.count > 0 { lastChecksum = taken.checksum }
            }
            self.cursor = consume cursor
            if let last = records.last, records.count > before {
                lastSeq = last.seq
                for record in records[before...] { lastTime = max(lastTime, record.time) }
            }
        }
        if records.count > before { return true }
        // The end of a file and damage are handled one record at a time.
        guard let record = try next() else { return false }
        records.append(record)
        return true
    }

    /// Checks the last record of the segment against the header of the next one.
    private func checkEnd(of segment: Segment) throws(JournalError) {
        guard segmentIndex + 1 < chain.segments.count else { return }
        let next = chain.segments[segmentIndex + 1].header
        guard next.previousChecksum == lastChecksum else {
            throw .corrupt(
                file: segment.name, offset: segment.offset(of: next.previousLastSeq),
                expectation: "the last record has another checksum than segment \(next.number) states")
        }
    }

    private static func record(
        in slot: RecordSlot?, seq: UInt64, of segment: Segment, checksum: inout UInt32
    ) throws(JournalError) -> JournalRecord {
        let expectation: String
        switch slot {
        case .record(let record, _, let found):
            checksum = found
            return record
        case .zero: expectation = "a record expected, zeros found"
        case .bad(let sentence): expectation = sentence
        case nil: expectation = "record \(seq) expected, the file ends"
        case .unknownKind(let kind):
            let offset = segment.offset(of: seq)
            throw .unsupported(file: segment.name, offset: offset, what: "a record of kind \(kind)")
        }
        throw .corrupt(file: segment.name, offset: segment.offset(of: seq), expectation: expectation)
    }
}
