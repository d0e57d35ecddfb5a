/// A segment in the directory: its validated header and its size.
struct Segment: Equatable, Sendable {
    let header: SegmentHeader
    let byteCount: UInt64
    /// The kinds of record that it may contain.
    let kinds: RecordKinds

    var name: String { header.name }

    /// Returns where the record `seq` begins.
    func offset(of seq: UInt64) -> UInt64 {
        UInt64(SegmentHeader.byteCount) &+ (seq &- header.firstSeq) &* UInt64(JournalRecord.byteCount)
    }
}

/// The newest snapshot of a directory and all segments after it in order, each following the one before.
struct SegmentChain: Sendable {
    let snapshot: Snapshot?
    let segments: [Segment]
    /// The names of snapshots and segments that the snapshot covers.
    let obsolete: [String]
    /// Whether another store has numbered the records; nil for an empty directory.
    var isCopy: Bool? { segments.last?.header.isCopy ?? snapshot?.header.isCopy }

    /// Reads the headers of the directory.
    ///
    /// - Parameter kinds: the kinds of record that the files may contain.
    /// - Throws: `.corrupt` if a segment is missing, foreign, or does not follow the one before it, or if a required
    ///   snapshot is damaged.
    init(_ storage: any JournalSource, _ kinds: RecordKinds) throws(JournalError) {
        let names = try storage.names()
        var damage: JournalError?
        for name in names.compactMap({ SnapshotName($0) }).sorted(by: { $0.number > $1.number }) {
            do throws(JournalError) {
                let snapshot = try Snapshot(name.text, number: name.number, kinds, in: storage)
                try self.init(snapshot, names, kinds, in: storage)
                // While the files that it replaces still exist, damage of the snapshot costs nothing, so it is verified
                // before use.
                if !obsolete.isEmpty { try snapshot.verify(in: storage) }
                return
            } catch {
                guard case .corrupt = error else { throw error }
                damage = damage ?? error
            }
        }
        do throws(JournalError) {
            try self.init(nil, names, kinds, in: storage)
        } catch {
            throw damage ?? error
        }
        if let damage, segments.isEmpty { throw damage }
    }

    private init(
        _ snapshot: Snapshot?, _ names: [String], _ kinds: RecordKinds, in storage: any JournalSource
    ) throws(JournalError) {
        let covered = snapshot?.header.number ?? 0
        var segments: [Segment] = []
        var obsolete = names.filter { name in SnapshotName(name).map { $0.number < covered } ?? false }
        for name in names.compactMap({ SegmentName($0) }).sorted(by: { $0.number < $1.number }) {
            if snapshot != nil, name.number <= covered {
                obsolete.append(name.text)
                continue
            }
            let bytes = try storage.read(name.text, at: 0, count: SegmentHeader.byteCount)
            let header = try SegmentHeader(bytes, name: name)
            if let before = segments.last {
                try Self.check(header, follows: before.header)
            } else {
                try Self.check(header, follows: snapshot?.header)
            }
            segments.append(
                Segment(header: header, byteCount: try storage.byteCount(of: name.text), kinds: kinds))
        }
        if let snapshot, segments.isEmpty, !snapshot.header.isCopy {
            // The snapshot of a journal is made only after the segment that follows it exists.
            throw .corrupt(file: snapshot.file, offset: 32, expectation: "segment \(covered &+ 1) is missing")
        }
        self.snapshot = snapshot
        self.segments = segments
        self.obsolete = obsolete
    }

    /// Returns how many records segment `index` must have; nil for the last, whose end is not recorded.
    func statedCount(_ index: Int) -> UInt64? {
        guard index + 1 < segments.count else { return nil }
        return segments[index + 1].header.previousLastSeq &- segments[index].header.firstSeq &+ 1
    }

    /// Checks that the first segment follows the snapshot, or is the first of all.
    static func check(_ header: SegmentHeader, follows snapshot: SnapshotHeader?) throws(JournalError) {
        func refuse(_ offset: UInt64, _ expectation: String) -> JournalError {
            .corrupt(file: header.name, offset: offset, expectation: expectation)
        }
        let number = (snapshot?.number ?? 0) &+ 1
        let lastSeq = snapshot?.lastSeq ?? 0
        guard header.number == number, header.follows(lastSeq), header.previousLastSeq == lastSeq else {
            throw refuse(32, "the first segment, number \(number), is missing")
        }
        guard let snapshot else { return }
        guard header.store == snapshot.store else {
            throw refuse(16, "store \(snapshot.store), found \(header.store)")
        }
        guard header.previousChecksum == snapshot.lastChecksum else {
            throw refuse(72, "the checksum of record \(lastSeq), as snapshot \(snapshot.name) states it")
        }
    }

    static func check(_ header: SegmentHeader, follows before: SegmentHeader) throws(JournalError) {
        func refuse(_ offset: UInt64, _ expectation: String) -> JournalError {
            .corrupt(file: header.name, offset: offset, expectation: expectation)
        }
        guard header.number == before.number &+ 1 else {
            throw refuse(32, "segment \(before.number &+ 1) is missing")
        }
        guard header.store == before.store else {
            throw refuse(16, "store \(before.store), found \(header.store)")
        }
        guard header.isCopy == before.isCopy else { throw refuse(88, "the same use as segment \(before.number)") }
        guard header.follows(header.previousLastSeq), header.previousLastSeq >= before.firstSeq &- 1 else {
            throw refuse(40, "a first record that follows segment \(before.number)")
        }
    }
}

extension SegmentHeader {
    /// Whether the first record follows record `seq`. In a copy, numbers may be left out between two segments.
    fileprivate func follows(_ seq: UInt64) -> Bool { isCopy ? firstSeq > seq : firstSeq == seq &+ 1 }
}

/// Reads the slots of one segment in order, one chunk at a time.
struct SegmentCursor {
    let segment: Segment
    private let chunkByteCount: Int
    private var chunk: [UInt8] = []
    private var position = 0
    private var nextChunk = UInt64(SegmentHeader.byteCount)
    /// The sequence number of the next slot.
    private(set) var seq: UInt64

    /// - Parameter chunkByteCount: a multiple of 4,096.
    init(_ segment: Segment, chunkByteCount: Int = ReadSize.alone) {
        self.segment = segment
        self.chunkByteCount = chunkByteCount
        seq = segment.header.firstSeq
    }

    /// Returns the next slot, or nil at the end of the file. A final piece of less than 64 bytes is padded with zeros.
    mutating func next(in storage: any JournalSource) throws(JournalError) -> RecordSlot? {
        guard try fill(from: storage) else { return nil }
        let place = position..<(position + JournalRecord.byteCount)
        let slot = RecordSlot(chunk.span.extracting(place), seq: seq, salt: segment.header.salt, segment.kinds)
        position = place.upperBound
        seq &+= 1
        return slot
    }

    /// Appends consecutive valid records to `records`, and stops before the first slot that is anything else.
    mutating func takeWhole(
        upTo countMax: Int, into records: inout [JournalRecord], in storage: any JournalSource
    ) throws(JournalError) -> RecordBatchDecoder {
        _ = try fill(from: storage)
        let taken = RecordBatchDecoder(
            chunk, from: position, upTo: countMax, .seqs(from: seq), salt: segment.header.salt,
            segment.kinds, into: &records)
        position += taken.count * JournalRecord.byteCount
        seq &+= UInt64(taken.count)
        return taken
    }

    /// Reads the next chunk.
    ///
    /// - Returns: false at the end of the file.
    private mutating func fill(from storage: any JournalSource) throws(JournalError) -> Bool {
        guard position >= chunk.count else { return true }
        chunk = try storage.read(segment.name, at: nextChunk, count: chunkByteCount)
        position = 0
        guard !chunk.isEmpty else { return false }
        nextChunk &+= UInt64(chunkByteCount)
        let excess = chunk.count % JournalRecord.byteCount
        if excess != 0 { chunk.append(contentsOf: repeatElement(0, count: JournalRecord.byteCount - excess)) }
        return true
    }
}
