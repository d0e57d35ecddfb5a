/// Reads every record that is whole in one file, past whatever is not.
struct SalvageReader {
    private static let pieceByteCount = 1 << 20

    /// How many records are whole.
    private(set) var keptCount: UInt64 = 0
    /// How many places hold something else than a record or zeros.
    private(set) var lostCount: UInt64 = 0
    /// How many places the file has; after the last record they may never have been used.
    private(set) var placeCount: UInt64 = 0

    /// What the records of a file must be like.
    enum Layout {
        case segment(SegmentHeader)
        case snapshot(SnapshotHeader)

        var salt: UInt32 {
            switch self {
            case .segment(let header): header.salt
            case .snapshot(let header): header.salt
            }
        }

        /// Whether a record with this number, or in a snapshot with this place, belongs at `index`.
        func isRight(_ record: JournalRecord, place: UInt64, at index: UInt64) -> Bool {
            switch self {
            case .segment(let header): record.seq == header.firstSeq &+ index
            case .snapshot(let header): place == index && record.seq <= header.lastSeq
            }
        }
    }

    private let name: String
    private let layout: Layout
    private var piece: [UInt8] = []
    private var position = 0
    private var offset = UInt64(SegmentHeader.byteCount)

    init(_ name: String, _ layout: Layout) {
        self.name = name
        self.layout = layout
    }

    /// The next record that is whole; nil at the end of the file.
    /// - Throws: `.unsupported` for a record of another version: it is not damage.
    mutating func next(in source: any JournalSource) throws(JournalError) -> JournalRecord? {
        while true {
            guard try fill(from: source) else { return nil }
            let place = position..<(position + JournalRecord.byteCount)
            let slot = RecordSlot(piece.span.extracting(place), seq: nil, salt: layout.salt)
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

    /// - Returns: false at the end of the file; a last piece of less than a record was never acknowledged.
    private mutating func fill(from source: any JournalSource) throws(JournalError) -> Bool {
        guard position + JournalRecord.byteCount > piece.count else { return true }
        piece = try source.read(name, at: offset, count: Self.pieceByteCount)
        offset &+= UInt64(Self.pieceByteCount)
        position = 0
        return piece.count >= JournalRecord.byteCount
    }
}
