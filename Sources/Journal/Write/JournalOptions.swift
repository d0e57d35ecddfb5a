package import Platform

/// What a writer needs from outside.
package struct JournalOptions: Sendable {
    package var clock: WallClock
    package var random: @Sendable () -> UInt64
    /// Records in a segment, its seal included; 64 MiB by default.
    package var segmentRecordCount = UInt64((64 << 20) - SegmentHeader.byteCount) / UInt64(JournalRecord.byteCount)
    /// How long the writer waits before it tries again to begin a segment after it failed, in milliseconds: at first, and
    /// at most after doubling.
    package var retryMilliseconds: ClosedRange<Int64> = 250...30_000
    /// Told by the writer thread what happens to it; must be short.
    package var observe: @Sendable (JournalEvent) -> Void = { _ in }

    /// Octets that are laid by for refusals on a full disk; 0 for none.
    package var reserveByteCount = 0
    /// What each OPEN record carries for the one who reads it.
    package var note = OpeningNote()
    /// Who makes the writer's turns.
    package var pace = JournalPace.thread

    package init(clock: WallClock, random: @escaping @Sendable () -> UInt64) {
        self.clock = clock
        self.random = random
    }
}

/// What an OPEN record carries beside the store's id. The journal does not look at it.
package struct OpeningNote: Equatable, Sendable {
    /// Stands in the record's `expires`.
    package var time: Int64 = 0
    /// Stands in the record's `reason`.
    package var number: UInt16 = 0

    package init(time: Int64 = 0, number: UInt16 = 0) {
        self.time = time
        self.number = number
    }

    /// Of an OPEN record.
    package init(_ record: JournalRecord) {
        self.init(time: record.expires, number: record.reason)
    }

    /// Both at their greatest.
    func merged(with other: OpeningNote) -> OpeningNote {
        OpeningNote(time: max(time, other.time), number: max(number, other.number))
    }
}

/// A turn for the worse or the better.
package enum JournalEvent: Equatable, Sendable {
    /// A write or sync failed. What was not acknowledged was written to a new segment: nothing is lost, nothing failed.
    case rewritten(reason: String)
    /// That failed, too: nothing is acknowledged from now on.
    case unwritable(reason: String)
    /// A new segment could be begun: all is as before.
    case healed
    /// The disk is full, and the reserve was given up: only refusals are taken from now on.
    case reserveUsed(reason: String)
    /// The reserve is laid by again: everything is taken.
    case reserveHeld
    /// There is no room for the reserve at the start.
    case reserveMissing(reason: String)
}

/// Where a record stands in the journal, and when it was given its place.
package struct JournalPosition: Equatable, Sendable {
    package let seq: UInt64
    /// Milliseconds since 1970, never less than the record's before.
    package let time: Int64

    package init(seq: UInt64, time: Int64) {
        self.seq = seq
        self.time = time
    }
}

/// Who makes the turns of the writer.
package enum JournalPace: Sendable {
    /// A thread of its own, as soon as there is something to do.
    case thread
    /// Whoever calls ``JournalWriter/step()``, so that everything happens in one order that can be repeated.
    case stepped
}
