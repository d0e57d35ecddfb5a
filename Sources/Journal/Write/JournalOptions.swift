package import Platform

/// The configuration of a journal writer.
package struct JournalOptions: Sendable {
    package var clock: WallClock
    package var random: @Sendable () -> UInt64
    /// The number of records in a segment including its seal; 64 MiB by default.
    package var segmentRecordCount = UInt64((64 << 20) - SegmentHeader.byteCount) / UInt64(JournalRecord.byteCount)
    /// The initial and the maximum delay before another attempt to begin a segment, in milliseconds. The delay doubles
    /// after each failure.
    package var retryMilliseconds: ClosedRange<Int64> = 250...30_000
    /// Receives events on the writer thread; it must return quickly.
    package var observe: @Sendable (JournalEvent) -> Void = { _ in }
    /// Receives all records in order on the writer thread, when they are durable and before any completion runs; it
    /// must return quickly.
    package var deliver: @Sendable (ArraySlice<JournalRecord>) -> Void = { _ in }

    /// The number of bytes reserved for records that may use them on a full disk; 0 for none.
    package var reserveByteCount = 0
    /// The note in each OPEN record.
    package var note = OpeningNote()
    /// What drives the writer.
    package var pace = JournalPace.thread

    package init(clock: WallClock, random: @escaping @Sendable () -> UInt64) {
        self.clock = clock
        self.random = random
    }
}

/// A change in the state of the writer.
package enum JournalEvent: Equatable, Sendable {
    /// A write or sync failed. The unacknowledged records were written to a new segment, so nothing was lost and no
    /// request failed.
    case rewritten(reason: String)
    /// Writing to a new segment failed too. Nothing is acknowledged from now on.
    case unwritable(reason: String)
    /// A new segment could be created, and the journal works normally again.
    case healed
    /// The disk is full, and the reserve was released: only records that may use it are accepted from now on.
    case reserveUsed(reason: String)
    /// The reserve is allocated again, and all records are accepted.
    case reserveHeld
    /// There is no space for the reserve at the start.
    case reserveMissing(reason: String)
}

/// The position of a record in the journal, and the time when it was assigned.
package struct JournalPosition: Equatable, Sendable {
    package let seq: UInt64
    /// Milliseconds since 1970, never less than that of the record before.
    package let time: UnixMilliseconds

    package init(seq: UInt64, time: UnixMilliseconds) {
        self.seq = seq
        self.time = time
    }
}

/// What drives the writer.
package enum JournalPace: Sendable {
    /// A separate thread, as soon as there is something to do.
    case thread
    /// The caller of ``JournalWriter/step()``, so that everything happens in one reproducible order. Each step commits what
    /// is queued.
    case stepped
    /// The same, but a step does only what the writer thread would do then, which sleeps until it is signaled.
    case simulated(WriterSchedule)
}
