/// Reads every valid record of one file and skips everything else.
struct SalvageReader {
    private static let pieceByteCount = 1 << 20

    /// The number of valid records.
    private(set) var keptCount: UInt64 = 0
    /// The number of slots that contain neither a record nor zeros.
    private(set) var lostCount: UInt64 = 0
    /// The number of slots of the file; the ones after the last record may never have been used.
    private(set) var placeCount: UInt64 = 0

    /// The layout that the records of a file must have.
    enum Layout {
        case segment(SegmentHeader)
        case snapshot(SnapshotHeader)

        var salt: UInt32 {
            switch self {
            case .segment(let header): header.salt
            case .snapshot(let header): header.salt
            }
        }

        /// Returns whether a record with this sequence number, or in a snapshot with this position, belongs at `index`.
        func isRight(_ record: JournalRecord, place: UInt64, at index: UInt64) -> Bool {
            switch self {
            case .segment(let header): record.seq == header.firstSeq &+ index
            case .snapshot(let header): place == index && record.seq <= header.lastSeq
            }
        }
    }

    private let name: String
    private let layout: Layout
    private let kinds: RecordKinds
    private var piece: [UInt8] = []
    private var position = 0
    private var offset = UInt64(SegmentHeader.byteCount)

    init(_ name: String, _ layout: Layout, _ kinds: RecordKinds) {
        self.name = name
        self.layout = layout
        self.kinds = kinds
    }

    /// Returns the next valid record, or nil at the end of the file.
    ///
    /// - Throws: `.unsupported` for a record of another version, which is not damage.
    mutating func next(in source: any JournalSource) throws(JournalError) -> JournalRecord? {
        while true {
            guard try fill(from: source) else { return nil }
            let place = position..<(position + JournalRecord.byteCount)
            let slot = RecordSlot(piece.span.extracting(place), seq: nil, salt: layout.salt, kinds)
            let index = placeCount
            position = place.upperBound
            placeCount &+= 1
            switch slot {
            case .record(let record, let place, _) where layout.isRight(record, place: place, at: index):
                keptCount &+= 1
                return record
            case .record, .bad: lostCount &+= 1
            case .zero: break
            case .unknownKind(let kind):
                let place = UInt64(SegmentHeader.byteCount) &+ index &* UInt64(JournalRecord.byteCount)
                throw .unsupported(file: name, offset: place, what: "a record of kind \(kind)")
            }
        }
    }

    /// Reads the next chunk.
    ///
    /// - Returns: false at the end of the file; a final piece that is shorter than a record was never acknowledged.
    private mutating func fill(from source: any JournalSource) throws(JournalError) -> Bool {
        guard position + JournalRecord.byteCount > piece.count else { return true }
        piece = try source.read(name, at: offset, count: Self.pieceByteCount)
        offset &+= UInt64(Self.pieceByteCount)
        position = 0
        return piece.count >= JournalRecord.byteCount
    }
}
