import Platform

/// Determines where the last segment ends: which records are valid, and what a crash left behind them.
///
/// An invalid slot at or below the highest durableSeq was acknowledged, so it is corruption. One above it was never
/// acknowledged: it is torn and is dropped.
struct TailRecovery: Equatable {
    /// The maximum number of records in flight, and therefore the maximum length of a torn range.
    static let batchCountMax = 4_096

    /// The number of records from the beginning of the segment without a gap.
    private(set) var intactCount: UInt64 = 0
    private(set) var lastChecksum: UInt32 = 0
    private(set) var lastTime: UnixMilliseconds = 0
    private(set) var isSealed = false
    /// Valid records after the gap that are safe to apply alone, in order.
    private(set) var salvaged: [JournalRecord] = []
    /// The file offsets of what is dropped; nil if only zeros follow the intact records.
    private(set) var torn: Range<UInt64>?

    private var durableSeq: UInt64 = 0
    private var firstBad: (seq: UInt64, expectation: String)?
    private var lastUsed: UInt64 = 0

    /// Scans the segment.
    ///
    /// - Parameter isSafeAlone: see ``JournalSchema``.
    /// - Throws: `.corrupt` with the offset of the first lost record.
    init(
        _ segment: Segment, in storage: any JournalSource, isSafeAlone: (JournalRecord) -> Bool
    ) throws(JournalError) {
        var cursor = SegmentCursor(segment)
        try takeIntact(&cursor, in: storage)
        while let slot = try cursor.next(in: storage) {
            try take(slot, seq: cursor.seq &- 1, of: segment, isSafeAlone)
        }
        // A segment is created together with its first record, so that record cannot be torn.
        if intactCount == 0 { throw corrupt(firstBad ?? (cursor.seq, "a record expected, the file ends"), segment) }
        guard let firstBad, lastUsed >= firstBad.seq else { return }
        let start = segment.offset(of: firstBad.seq)
        torn = start..<max(start, min(segment.offset(of: lastUsed &+ 1), segment.byteCount))
    }

    /// Reads the records before the first gap.
    private mutating func takeIntact(_ cursor: inout SegmentCursor, in storage: any JournalSource) throws(JournalError)
    {
        var records: [JournalRecord] = []
        while true {
            records.removeAll(keepingCapacity: true)
            let taken = try cursor.takeWhole(upTo: ReadSize.recordCountMax, into: &records, in: storage)
            guard let last = records.last else { return }
            intactCount &+= UInt64(taken.count)
            durableSeq = max(durableSeq, taken.durableSeq)
            lastChecksum = taken.checksum
            for record in records { lastTime = max(lastTime, record.time) }
            isSealed = last.kind == .seal
            lastUsed = last.seq
        }
    }

    private mutating func take(
        _ slot: RecordSlot, seq: UInt64, of segment: Segment, _ isSafeAlone: (JournalRecord) -> Bool
    ) throws(JournalError) {
        switch slot {
        case .record(let record, let durable, let checksum):
            durableSeq = max(durableSeq, durable)
            lastUsed = seq
            if let firstBad {
                if seq &- firstBad.seq >= UInt64(Self.batchCountMax) { throw corrupt(firstBad, segment) }
                if isSafeAlone(record) { salvaged.append(record) }
            } else {
                intactCount &+= 1
                lastChecksum = checksum
                lastTime = max(lastTime, record.time)
                isSealed = record.kind == .seal
            }
        case .zero:
            if firstBad == nil { firstBad = (seq, "a record expected, zeros found") }
        case .bad(let expectation):
            lastUsed = seq
            if firstBad == nil { firstBad = (seq, expectation) }
        case .unknownKind(let kind):
            let offset = segment.offset(of: seq)
            throw .unsupported(file: segment.name, offset: offset, what: "a record of kind \(kind)")
        }
        if let firstBad, firstBad.seq <= durableSeq { throw corrupt(firstBad, segment) }
    }

    private func corrupt(_ bad: (seq: UInt64, expectation: String), _ segment: Segment) -> JournalError {
        .corrupt(file: segment.name, offset: segment.offset(of: bad.seq), expectation: bad.expectation)
    }

    static func == (left: TailRecovery, right: TailRecovery) -> Bool {
        left.intactCount == right.intactCount && left.torn == right.torn && left.salvaged == right.salvaged
            && left.isSealed == right.isSealed
    }
}
