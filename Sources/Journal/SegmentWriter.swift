internal import Octets

/// Turns records into octets of segments. Used by one thread at a time.
struct SegmentWriter: ~Copyable {
    private static let firstStep = 64 << 10
    private static let lastStep = 1 << 20

    private let storage: any JournalStorage
    private let store: UUID
    private let options: JournalOptions
    private var file: (any JournalFile)?
    private var number: UInt64
    private var firstSeq: UInt64 = 0
    private var salt: UInt32 = 0
    private var previousLastSeq: UInt64
    private var lastChecksum: UInt32
    /// Octets of the file that are written, with zeros at least.
    private var allocated: UInt64 = 0
    private var step = SegmentWriter.firstStep
    private var buffer: [UInt8] = []

    init(
        storage: any JournalStorage, store: UUID, options: JournalOptions, number: UInt64,
        previousLastSeq: UInt64, previousChecksum: UInt32
    ) {
        self.storage = storage
        self.store = store
        self.options = options
        self.number = number
        self.previousLastSeq = previousLastSeq
        lastChecksum = previousChecksum
    }

    /// Nil between two segments.
    var activeNumber: UInt64? { file == nil ? nil : number }

    /// Up to where `records`, from `start`, can be written at once: a batch, and not past a seal.
    func chunk(of records: [JournalRecord], from start: Int) -> Range<Int> {
        let end = min(records.count, start + TailScan.batchCountMax)
        let seal = records[start..<end].firstIndex { $0.kind == .seal }
        return start..<(seal.map { $0 + 1 } ?? end)
    }

    /// Writes `records`, which follow each other and belong to one segment; they are on stable storage on return.
    mutating func commit(_ records: ArraySlice<JournalRecord>, durableSeq: UInt64) throws(JournalFault) {
        guard let first = records.first, let last = records.last else { return }
        buffer.removeAll(keepingCapacity: true)
        if let file {
            let offset = offset(of: first.seq)
            encode(records, durableSeq: durableSeq)
            pad(from: offset)
            try file.write(buffer, at: offset)
            allocated = max(allocated, offset &+ UInt64(buffer.count))
        } else {
            try begin(with: records, first: first, durableSeq: durableSeq)
        }
        if last.kind == .seal {
            file?.close()
            file = nil
            number &+= 1
            previousLastSeq = last.seq
            // What follows goes to a new segment; whatever was laid out ahead in this one is not needed any more.
            let end = offset(of: last.seq &+ 1)
            guard allocated > end else { return }
            try storage.truncate(SegmentName(number: number &- 1, firstSeq: firstSeq).text, to: end)
        }
    }

    func close() { file?.close() }

    private mutating func begin(
        with records: ArraySlice<JournalRecord>, first: JournalRecord, durableSeq: UInt64
    ) throws(JournalFault) {
        firstSeq = first.seq
        salt = UInt32(truncatingIfNeeded: options.random())
        step = Self.firstStep
        let header = SegmentHeader(
            store: store, number: number, firstSeq: firstSeq, created: first.time, salt: salt,
            previousLastSeq: previousLastSeq, previousChecksum: lastChecksum)
        header.write(to: &buffer)
        allocated = 0
        encode(records, durableSeq: durableSeq)
        pad(from: 0)
        file = try storage.create(header.name, content: buffer)
        allocated = UInt64(buffer.count)
    }

    private mutating func encode(_ records: ArraySlice<JournalRecord>, durableSeq: UInt64) {
        for record in records { record.write(to: &buffer, salt: salt, durableSeq: durableSeq) }
        lastChecksum = UInt32(truncatingIfNeeded: Self.lastWord(of: buffer))
    }

    /// The word with the checksum of the record that ends `octets`.
    private static func lastWord(of octets: [UInt8]) -> UInt64 {
        unsafe octets.span.bytes.littleEndian(at: octets.count - JournalRecord.byteCount)
    }

    /// Lays out zeros ahead in the same write: a record in place costs the file system no new block and no new size.
    private mutating func pad(from offset: UInt64) {
        let end = offset &+ UInt64(buffer.count)
        guard end > allocated else { return }
        let segmentEnd = self.offset(of: firstSeq &+ options.segmentRecordCount)
        let target = min(end &+ UInt64(step), max(end, segmentEnd))
        buffer.append(contentsOf: repeatElement(0, count: Int(clamping: target &- end)))
        step = min(step * 2, Self.lastStep)
    }

    private func offset(of seq: UInt64) -> UInt64 {
        UInt64(SegmentHeader.byteCount) &+ (seq &- firstSeq) &* UInt64(JournalRecord.byteCount)
    }
}
