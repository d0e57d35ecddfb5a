/// A segment as it stands in the directory: its checked header and its size.
struct Segment: Equatable, Sendable {
    let header: SegmentHeader
    let byteCount: UInt64

    var name: String { header.name }

    /// Where the record `seq` begins.
    func offset(of seq: UInt64) -> UInt64 {
        UInt64(SegmentHeader.byteCount) &+ (seq &- header.firstSeq) &* UInt64(JournalRecord.byteCount)
    }
}

/// All segments of a directory in order, each following from the one before.
struct SegmentChain: Sendable {
    let segments: [Segment]

    /// - Throws: `.corrupt` if a segment is missing, foreign, or does not follow from the one before it.
    init(_ storage: any JournalStorage) throws(JournalFault) {
        var segments: [Segment] = []
        let names = try storage.names().compactMap { SegmentName($0) }.sorted { $0.number < $1.number }
        for name in names {
            let octets = try storage.read(name.text, at: 0, count: SegmentHeader.byteCount)
            let header = try SegmentHeader(octets, name: name)
            try Self.check(header, follows: segments.last?.header)
            segments.append(Segment(header: header, byteCount: try storage.byteCount(of: name.text)))
        }
        self.segments = segments
    }

    /// How many records segment `index` must have; nil for the last, whose end nothing states.
    func statedCount(_ index: Int) -> UInt64? {
        guard index + 1 < segments.count else { return nil }
        return segments[index + 1].header.previousLastSeq &- segments[index].header.firstSeq &+ 1
    }

    static func check(_ header: SegmentHeader, follows before: SegmentHeader?) throws(JournalFault) {
        func refuse(_ offset: UInt64, _ expectation: String) -> JournalFault {
            .corrupt(file: header.name, offset: offset, expectation: expectation)
        }
        guard let before else {
            guard header.number == 1, header.firstSeq == 1, header.previousLastSeq == 0 else {
                throw refuse(32, "the first segment, number 1, is missing")
            }
            return
        }
        guard header.number == before.number &+ 1 else {
            throw refuse(32, "segment \(before.number &+ 1) is missing")
        }
        guard header.store == before.store else {
            throw refuse(16, "store \(before.store), found \(header.store)")
        }
        guard header.previousLastSeq &+ 1 == header.firstSeq, header.previousLastSeq >= before.firstSeq &- 1 else {
            throw refuse(40, "a first record that follows segment \(before.number)")
        }
    }
}

/// Reads one segment's places in order, a mebibyte at a time.
struct SegmentCursor {
    private static let chunkByteCount = 1 << 20

    let segment: Segment
    private var chunk: [UInt8] = []
    private var position = 0
    private var nextChunk = UInt64(SegmentHeader.byteCount)
    /// The seq that belongs to the next place.
    private(set) var seq: UInt64

    init(_ segment: Segment) {
        self.segment = segment
        seq = segment.header.firstSeq
    }

    /// The next place, or nil at the end of the file. A last piece of less than 64 octets is filled up with zeros.
    mutating func next(in storage: any JournalStorage) throws(JournalFault) -> Slot? {
        if position >= chunk.count {
            chunk = try storage.read(segment.name, at: nextChunk, count: Self.chunkByteCount)
            guard !chunk.isEmpty else { return nil }
            nextChunk &+= UInt64(Self.chunkByteCount)
            position = 0
            let excess = chunk.count % JournalRecord.byteCount
            if excess != 0 { chunk.append(contentsOf: repeatElement(0, count: JournalRecord.byteCount - excess)) }
        }
        let place = position..<(position + JournalRecord.byteCount)
        let slot = Slot(chunk.span.extracting(place), seq: seq, salt: segment.header.salt)
        position = place.upperBound
        seq &+= 1
        return slot
    }
}
