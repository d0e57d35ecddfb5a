internal import Journal

/// Follows the records of entries in the order of the journal. Other records may be between those of one entry, where a
/// segment or a snapshot ends.
struct SessionEntrySequence: Equatable, Sendable {
    enum Step: Equatable {
        case first
        /// Follows the one before.
        case next
        /// Its predecessor is missing.
        case stray
    }

    private var tag: UInt16 = 0
    private var last: UInt8 = 0
    /// The number that the next record must have; 0 if none is expected.
    private var wanted: UInt8 = 0

    /// Whether the last record completed an entry.
    private(set) var isComplete = false

    mutating func step(_ record: JournalRecord) -> Step {
        let number = record.flags & 0x0f
        let end = record.flags >> 4
        isComplete = false
        guard number > 0 else {
            (tag, last, wanted) = (record.reason, end, end > 0 ? 1 : 0)
            return .first
        }
        guard number == wanted, end == last, record.reason == tag else {
            wanted = 0
            return .stray
        }
        isComplete = number == last
        wanted = isComplete ? 0 : number + 1
        return .next
    }
}

/// Joins the records of entries. An entry whose records are not all there is dropped.
struct SessionEntryAssembly: Sendable {
    private var sequence = SessionEntrySequence()
    private var first: JournalRecord?
    private var bytes: [UInt8] = []

    /// Adds a record.
    ///
    /// - Returns: the entry that it completes.
    mutating func take(_ record: JournalRecord) -> SessionEntry? {
        switch sequence.step(record) {
        case .first:
            first = record
            bytes.removeAll(keepingCapacity: true)
        case .next:
            bytes += SessionEntryCodec.piece(record)
        case .stray:
            first = nil
        }
        guard sequence.isComplete, let first else { return nil }
        return SessionEntryCodec.entry(first, bytes)
    }
}
