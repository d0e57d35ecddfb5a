internal import Encoding
package import Platform

/// Additional values of an OPEN record, which the journal stores and does not interpret.
package struct OpeningNote: Equatable, Sendable {
    /// Stored in `expires` of the record.
    package var time: UnixMilliseconds = 0
    /// Stored in `reason` of the record.
    package var number: UInt16 = 0

    package init(time: UnixMilliseconds = 0, number: UInt16 = 0) {
        self.time = time
        self.number = number
    }

    /// Reads the note of an OPEN record.
    package init(_ record: JournalRecord) {
        self.init(time: record.expires, number: record.reason)
    }

    /// Returns the maximum of each value.
    func merged(with other: OpeningNote) -> OpeningNote {
        OpeningNote(time: max(time, other.time), number: max(number, other.number))
    }
}

extension JournalRecord {
    /// Returns the first record of a process, or of a segment after a failure.
    static func opening(_ store: UUID, _ note: OpeningNote, salvagedCount: Int = 0) -> JournalRecord {
        JournalRecord(
            .open, key: store, expires: note.time, value: UInt64(clamping: salvagedCount), reason: note.number)
    }
}
