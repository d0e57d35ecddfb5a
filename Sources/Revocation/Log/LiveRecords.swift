internal import Encoding
internal import Journal

/// What of the journal still matters: not what has expired for certain, was said before, or was overtaken.
struct LiveRecords: CompactionFilter {
    /// The refusals that were kept: 128 bits of each, so that two different ones are not taken for the same.
    ///
    /// `@unchecked Sendable` holds because one sieve uses it, and that is used by one thread at a time.
    @safe private final class Refusals: @unchecked Sendable {
        private var tree = FingerprintTree(width: 2, sharedBits: 0)
        private let key: FingerprintKey

        init(key: FingerprintKey) { self.key = key }

        deinit { tree.free() }

        /// - Returns: false if the same was kept before.
        func insert(_ id: UUID, expires: Int64) -> Bool {
            let end = UInt64(bitPattern: expires) &* 0x9e37_79b9_7f4a_7c15
            return tree.insert(key.fingerprint(UUID(high: id.high ^ end, low: id.low)), id.low)
        }
    }

    private struct RevokeBeforeSubject: Hashable {
        let key: UUID
        let flags: UInt8
    }

    private let rotations: Sessions
    /// What expired at this time or before is gone from memory, too, or will be soon.
    private let horizon: Int64
    private let tokens: Refusals
    private let sessions: Refusals
    /// Few, and a later one may reach less far into the future: both bounds count, so they are merged, not dropped.
    private var cuts: [RevokeBeforeSubject: JournalRecord] = [:]
    /// Of those that are ahead of the journal's time, the one with the greatest id says how far ids have come.
    private var newestSession: JournalRecord?

    init(rotations: Sessions, key: FingerprintKey, horizon: Int64) {
        tokens = Refusals(key: key)
        sessions = Refusals(key: key)
        self.rotations = rotations
        self.horizon = horizon
    }

    mutating func keeps(_ record: JournalRecord) -> Bool {
        switch record.kind {
        case .revokeToken:
            return record.expires.saturatingAdd(RevocationIndex.leewayMax) > horizon
                // One that counts for every end is another refusal than one that counts for this end only.
                && tokens.insert(record.key, expires: record.isOfAnyEnd ? ~record.expires : record.expires)
        case .revokeSession:
            return record.expires > horizon
                && sessions.insert(record.key, expires: record.expires)
        case .rotate:
            // RevocationIndex takes up a generation only when its record is durable: that one stands further on in the journal.
            return record.expires > horizon
                && rotations.generation(of: record.key) <= Rotation(record).generation
        case .cut:
            hold(record)
            return false
        case .session:
            // A start goes on above the journal's own time anyway.
            let isAhead = record.key.milliseconds > record.time
            if isAhead, record.key.high >= newestSession?.key.high ?? 0 { newestSession = record }
            return false
        case .open, .seal:
            return false
        }
    }

    /// In order, so that one journal makes one snapshot.
    var heldBack: [JournalRecord] {
        let others = [newestSession].compactMap(\.self)
        return (others + cuts.values).filter { $0.expires > horizon }.sorted { $0.seq < $1.seq }
    }

    private mutating func hold(_ record: JournalRecord) {
        // What stands in a snapshot is whole, or the snapshot is not taken.
        var record = record
        record.flags &= ~JournalRecord.dependentFlag
        let name = RevokeBeforeSubject(key: record.key, flags: record.flags)
        guard let before = cuts[name] else {
            cuts[name] = record
            return
        }
        var merged = record.value >= before.value ? record : before
        // One who was exempted is so only until the end of that very cut.
        if !record.isSpare { merged.expires = max(before.expires, record.expires) }
        cuts[name] = merged
    }
}
