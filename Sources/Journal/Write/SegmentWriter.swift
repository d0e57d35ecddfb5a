internal import Encoding

/// Encodes records and writes them to segments. Only one thread uses it at a time.
struct SegmentWriter: ~Copyable {
    private static let firstStep = 64 << 10
    private static let lastStep = 1 << 20

    private let storage: any JournalStorage
    let store: UUID
    private let options: JournalOptions
    /// Whether another store numbers the records, so that none ends a segment.
    private let isCopy: Bool
    private var file: (any JournalFile)?
    /// The number of the segment that is being written, or of the next one.
    private(set) var number: UInt64
    private var firstSeq: UInt64 = 0
    private var salt: UInt32 = 0
    private var previousLastSeq: UInt64
    /// The checksum of the last record on stable storage.
    private var lastChecksum: UInt32
    /// The name of the previous segment, if this process wrote it.
    private var previousName: String?
    /// The number of bytes of the file that have been written, at least with zeros.
    private var allocated: UInt64 = 0
    /// Whether preallocation is disabled because the disk was full.
    private var skipsPreallocation = false
    private var step = SegmentWriter.firstStep
    private var buffer: [UInt8] = []

    init(
        storage: any JournalStorage, store: UUID, options: JournalOptions, number: UInt64,
        previousLastSeq: UInt64, previousChecksum: UInt32, isCopy: Bool = false
    ) {
        self.storage = storage
        self.store = store
        self.options = options
        self.number = number
        self.previousLastSeq = previousLastSeq
        lastChecksum = previousChecksum
        self.isCopy = isCopy
    }

    /// The checksum of the last record on stable storage.
    var checksum: UInt32 { lastChecksum }

    /// Nil between two segments.
    var activeNumber: UInt64? { file == nil ? nil : number }

    /// Returns the range of `records` from `start` that can be written at once: one batch, and not past a seal.
    func chunk(of records: [JournalRecord], from start: Int) -> Range<Int> {
        let end = min(records.count, start + TailRecovery.batchCountMax)
        let seal = records[start..<end].firstIndex { $0.kind == .seal }
        return start..<(seal.map { $0 + 1 } ?? end)
    }

    /// Writes consecutive `records` of one segment; they are on stable storage on return.
    mutating func commit(_ records: ArraySlice<JournalRecord>, durableSeq: UInt64) throws(JournalError) {
        guard let first = records.first, let last = records.last else { return }
        buffer.removeAll(keepingCapacity: true)
        if let file {
            let offset = offset(of: first.seq)
            let checksum = encode(records, durableSeq: durableSeq)
            pad(from: offset)
            try file.write(buffer, at: offset)
            allocated = max(allocated, offset &+ UInt64(buffer.count))
            lastChecksum = checksum
        } else {
            try begin(with: records, first: first, durableSeq: durableSeq)
        }
        if last.kind == .seal { end(after: last.seq) }
    }

    /// Abandons the file in which a write or sync failed. The next record goes to a new file, which states where this
    /// one ends.
    ///
    /// - Parameter fault: the reason; rethrown if another file would not help because acknowledged records are missing.
    mutating func abandon(after durableSeq: UInt64, for fault: JournalError) throws(JournalError) {
        if fault.isFinal { throw fault }
        skipsPreallocation = fault.isFullDisk
        guard let file else { return }
        file.close()
        self.file = nil
        previousName = SegmentName(number: number, firstSeq: firstSeq).text
        number &+= 1
        previousLastSeq = durableSeq
    }

    /// Enables preallocation again after space was freed.
    mutating func resumePreallocation() { skipsPreallocation = false }

    /// Checks that the previous segment still exists.
    ///
    /// - Throws: `.replaced` if it is gone, because a segment after it would acknowledge what is lost.
    func checkPlace() throws(JournalError) {
        guard let previousName, try !storage.names().contains(previousName) else { return }
        throw .replaced(path: previousName)
    }

    /// How many records from `seq` on the segment still takes; in a copy, no seal ends it.
    func room(from seq: UInt64) -> UInt64 {
        guard file != nil else { return options.segmentRecordCount }
        return options.segmentRecordCount &- min(options.segmentRecordCount, seq &- firstSeq)
    }

    /// Ends the segment after its last record.
    mutating func end(after seal: UInt64) {
        file?.close()
        file = nil
        skipsPreallocation = false
        previousName = SegmentName(number: number, firstSeq: firstSeq).text
        number &+= 1
        previousLastSeq = seal
        // The preallocated rest is no longer needed; if it remains, it does no harm.
        let end = offset(of: seal &+ 1)
        if allocated > end, let previousName { try? storage.truncate(previousName, to: end) }
    }

    func close() { file?.close() }

    private mutating func begin(
        with records: ArraySlice<JournalRecord>, first: JournalRecord, durableSeq: UInt64
    ) throws(JournalError) {
        firstSeq = first.seq
        salt = UInt32(truncatingIfNeeded: options.random())
        step = Self.firstStep
        let header = SegmentHeader(
            store: store, number: number, firstSeq: firstSeq, created: first.time, salt: salt,
            previousLastSeq: previousLastSeq, previousChecksum: lastChecksum, isCopy: isCopy)
        buffer.append(contentsOf: header.bytes)
        allocated = 0
        let checksum = encode(records, durableSeq: durableSeq)
        pad(from: 0)
        file = try storage.create(header.name, content: buffer)
        allocated = UInt64(buffer.count)
        lastChecksum = checksum
    }

    /// Appends the encoded records.
    ///
    /// - Returns: the checksum of the last one.
    private mutating func encode(_ records: ArraySlice<JournalRecord>, durableSeq: UInt64) -> UInt32 {
        for record in records { record.write(to: &buffer, salt: salt, durableSeq: durableSeq) }
        return UInt32(truncatingIfNeeded: Self.lastWord(of: buffer))
    }

    /// Returns the word with the checksum of the last record in `bytes`.
    private static func lastWord(of bytes: [UInt8]) -> UInt64 {
        unsafe bytes.span.bytes.littleEndian(at: bytes.count - JournalRecord.byteCount)
    }

    /// Preallocates zeros in the same write: a later record then needs no new block and no new file size.
    private mutating func pad(from offset: UInt64) {
        let end = offset &+ UInt64(buffer.count)
        guard end > allocated, !skipsPreallocation else { return }
        let segmentEnd = self.offset(of: firstSeq &+ options.segmentRecordCount)
        let target = min(end &+ UInt64(step), max(end, segmentEnd))
        buffer.append(contentsOf: [UInt8](repeating: 0, count: Int(clamping: target &- end)))
        step = min(step * 2, Self.lastStep)
    }

    private func offset(of seq: UInt64) -> UInt64 {
        UInt64(SegmentHeader.byteCount) &+ (seq &- firstSeq) &* UInt64(JournalRecord.byteCount)
    }
}
