package import Octets

/// What a writer needs from outside.
package struct JournalOptions: Sendable {
    package var clock: WallClock
    package var random: @Sendable () -> UInt64
    /// Records in a segment, its seal included; 64 MiB by default.
    package var segmentRecordCount = UInt64((64 << 20) - SegmentHeader.byteCount) / UInt64(JournalRecord.byteCount)

    package init(clock: WallClock, random: @escaping @Sendable () -> UInt64) {
        self.clock = clock
        self.random = random
    }
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
