internal import Encoding

/// A snapshot in the directory with a validated header.
struct Snapshot: Sendable {
    let header: SnapshotHeader
    /// Differs from the name for the header while the snapshot is incomplete.
    let file: String
    /// The kinds of record that it may contain.
    let kinds: RecordKinds

    init(_ file: String, number: UInt64, _ kinds: RecordKinds, in storage: any JournalSource) throws(JournalError) {
        let bytes = try storage.read(file, at: 0, count: SnapshotHeader.byteCount)
        header = try SnapshotHeader(bytes, file: file, number: number)
        self.file = file
        self.kinds = kinds
        let byteCount = try storage.byteCount(of: file)
        let (records, isOver) = header.recordCount.multipliedReportingOverflow(by: UInt64(JournalRecord.byteCount))
        guard !isOver, byteCount == UInt64(SnapshotHeader.byteCount) &+ records else {
            throw .corrupt(file: file, offset: byteCount, expectation: "\(header.recordCount) records")
        }
    }

    /// Reads and verifies every record.
    func verify(in storage: any JournalSource, chunkByteCount: Int = ReadSize.alone) throws(JournalError) {
        var cursor = SnapshotCursor(self, chunkByteCount: chunkByteCount)
        var records: [JournalRecord] = []
        while true {
            records.removeAll(keepingCapacity: true)
            try cursor.takeWhole(upTo: ReadSize.recordCountMax, into: &records, in: storage)
            guard records.isEmpty else { continue }
            guard try cursor.next(in: storage) != nil else { return }
        }
    }
}

/// Reads the records of a snapshot in order, one chunk at a time.
struct SnapshotCursor: Sendable {
    private let snapshot: Snapshot
    private let chunkByteCount: Int
    private var chunk: [UInt8] = []
    private var position = 0
    private var nextChunk = UInt64(SnapshotHeader.byteCount)
    private(set) var index: UInt64 = 0

    /// - Parameter chunkByteCount: a multiple of 4,096.
    init(_ snapshot: Snapshot, chunkByteCount: Int = ReadSize.alone) {
        self.snapshot = snapshot
        self.chunkByteCount = chunkByteCount
    }

    /// Where the next record begins.
    var offset: UInt64 { UInt64(SnapshotHeader.byteCount) &+ index &* UInt64(JournalRecord.byteCount) }

    /// Returns the next record, or nil after the last.
    ///
    /// - Throws: `.corrupt` if anything differs from what was written.
    mutating func next(in storage: any JournalSource) throws(JournalError) -> JournalRecord? {
        guard index < snapshot.header.recordCount else { return nil }
        try fill(from: storage)
        guard chunk.count - position >= JournalRecord.byteCount else {
            throw corrupt("record \(index) expected, the file ends")
        }
        let place = position..<(position + JournalRecord.byteCount)
        let slot = RecordSlot(chunk.span.extracting(place), seq: nil, salt: snapshot.header.salt, snapshot.kinds)
        switch slot {
        case .record(let record, let place, _):
            guard place == index else { throw corrupt("record \(index) expected, record \(place) found") }
            guard record.seq <= snapshot.header.lastSeq else {
                throw corrupt("a record up to \(snapshot.header.lastSeq) expected, record \(record.seq) found")
            }
            position += JournalRecord.byteCount
            index &+= 1
            return record
        case .zero: throw corrupt("a record expected, zeros found")
        case .bad(let sentence): throw corrupt(sentence)
        case .unknownKind(let kind):
            throw .unsupported(file: snapshot.file, offset: offset, what: "a record of kind \(kind)")
        }
    }

    /// Appends consecutive valid records to `records`, and stops before the first slot that is anything else.
    mutating func takeWhole(
        upTo countMax: Int, into records: inout [JournalRecord], in storage: any JournalSource
    ) throws(JournalError) {
        guard index < snapshot.header.recordCount else { return }
        try fill(from: storage)
        let wanted = min(countMax, Int(clamping: snapshot.header.recordCount &- index))
        let taken = RecordBatchDecoder(
            chunk, from: position, upTo: wanted,
            .places(from: index, lastSeq: snapshot.header.lastSeq), salt: snapshot.header.salt,
            snapshot.kinds, into: &records)
        position += taken.count * JournalRecord.byteCount
        index &+= UInt64(taken.count)
    }

    private mutating func fill(from storage: any JournalSource) throws(JournalError) {
        guard position >= chunk.count else { return }
        chunk = try storage.read(snapshot.file, at: nextChunk, count: chunkByteCount)
        nextChunk &+= UInt64(chunkByteCount)
        position = 0
    }

    private func corrupt(_ expectation: String) -> JournalError {
        .corrupt(file: snapshot.file, offset: offset, expectation: expectation)
    }
}

/// Writes a snapshot in pieces under a temporary name, its header last.
struct SnapshotWriter: ~Copyable {
    /// Large enough to use the disk well, and small enough that a concurrent commit waits for one piece at most.
    private static let pieceByteCount = 64 << 10

    let name: String
    private let file: any JournalFile
    private let salt: UInt32
    private var buffer: [UInt8] = []
    private var offset = UInt64(SnapshotHeader.byteCount)
    private(set) var recordCount: UInt64 = 0

    init(name: String, salt: UInt32, in storage: any JournalStorage) throws(JournalError) {
        self.name = name
        self.salt = salt
        file = try storage.begin(name)
        buffer.reserveCapacity(Self.pieceByteCount)
    }

    deinit { file.close() }

    mutating func append(_ record: JournalRecord) throws(JournalError) {
        record.write(to: &buffer, salt: salt, durableSeq: recordCount)
        recordCount &+= 1
        if buffer.count >= Self.pieceByteCount { try flush() }
    }

    /// Writes the header and closes the file.
    ///
    /// - Parameter header: the header with the salt and the record count of this writer.
    consuming func finish(_ header: SnapshotHeader) throws(JournalError) {
        try flush()
        try file.settle()
        try file.write(header.bytes, at: 0)
    }

    private mutating func flush() throws(JournalError) {
        guard !buffer.isEmpty else { return }
        try file.writeUnsettled(buffer, at: offset)
        offset &+= UInt64(buffer.count)
        buffer.removeAll(keepingCapacity: true)
    }
}
