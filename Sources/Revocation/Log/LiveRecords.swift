internal import Encoding
internal import Journal
import Platform
internal import Tokens

/// Selects the records of the journal that are still needed: not those that have certainly expired, are duplicates, or
/// were superseded.
struct LiveRecords: CompactionFilter {
    /// The revocations that were kept, with 128 bits of each, so that two different ones are not confused.
    ///
    /// `@unchecked Sendable` is safe because only one filter uses it, and only one thread at a time uses that filter.
    @safe private final class Revocations: @unchecked Sendable {
        private var tree = FingerprintTree(width: 2, sharedBits: 0)
        private let key: FingerprintKey

        init(key: FingerprintKey) { self.key = key }

        deinit { tree.free() }

        /// Adds a revocation.
        ///
        /// - Returns: false if the same was kept before.
        func insert(_ id: UUID, end number: Int64) -> Bool {
            let end = UInt64(bitPattern: number) &* 0x9e37_79b9_7f4a_7c15
            return tree.insert(key.fingerprint(UUID(high: id.high ^ end, low: id.low)), id.low)
        }
    }

    private struct RevokeBeforeSubject: Hashable {
        let key: UUID
        let flags: UInt8
    }

    private let rotations: Sessions
    private let entries: SessionEntries
    /// Entries that expired at or before this time are removed from memory too, or soon will be.
    private let horizon: UnixMilliseconds
    private let tokens: Revocations
    private let sessions: Revocations
    /// They are few, and a later one can expire earlier. Both values count, so they are merged.
    private var cuts: [RevokeBeforeSubject: JournalRecord] = [:]
    /// Of those that are ahead of the journal's time, the one with the greatest id shows how far ids have advanced.
    private var newestSession: JournalRecord?
    private var sequence = SessionEntrySequence()
    /// Whether the entry is kept that the next record may continue.
    private var keepsCurrentEntry = false

    init(_ index: RevocationIndex, horizon: UnixMilliseconds) {
        tokens = Revocations(key: index.key)
        sessions = Revocations(key: index.key)
        rotations = index.rotations
        entries = index.entries
        self.horizon = horizon
    }

    mutating func keeps(_ record: JournalRecord) -> Bool {
        if record.kind == .sessionEntry { return keepsEntry(record) }
        switch RevocationCodec.event(record) {
        case .tokenRevoked(let jti, let expires, let isOfAnyEnd, _):
            return expires.adding(milliseconds: TokenLimits.standard.denylistMargin) > horizon
                // A revocation for any expiry is not the same as one for this expiry only.
                && tokens.insert(jti, end: isOfAnyEnd ? ~expires.count : expires.count)
        case .sessionRevoked(let sid, let expires, _), .sessionDisplaced(let sid, let expires):
            return expires > horizon && sessions.insert(sid, end: expires.count)
        case .rotated(let sid, let generation, _, let sessionEnd):
            // The index applies a generation only when its record is durable, and that record comes later in the
            // journal.
            return sessionEnd > horizon && rotations.generation(of: sid) <= generation
        case .revokedBefore:
            merge(record, isExemption: false)
            return false
        case .exempted:
            merge(record, isExemption: true)
            return false
        case .sessionOpened:
            note(record)
            return false
        // Positions of all other records depend on it.
        case .epochBegan: return true
        // The records of an entry are not events one by one.
        case .processStarted, .sessionListed: return false
        // Nothing is lost that this version does not understand.
        case nil: return true
        }
    }

    /// The index has an entry before its records are in the journal, and removes it only when the session has certainly
    /// ended. All records of an entry are kept or none, even if the session ends meanwhile.
    private mutating func keepsEntry(_ record: JournalRecord) -> Bool {
        switch sequence.step(record) {
        case .first:
            keepsCurrentEntry = entries.contains(
                record.key, subjectByte: SessionEntryCodec.subjectByte(record))
            if !keepsCurrentEntry { note(RevocationCodec.opening(ofEntry: record)) }
            return keepsCurrentEntry
        case .next: return keepsCurrentEntry
        case .stray: return false
        }
    }

    /// Notes how far ids have advanced. A start continues above the journal's own time anyway.
    private mutating func note(_ session: JournalRecord) {
        let isAhead = session.key.milliseconds > session.time
        if isAhead, session.key.high >= newestSession?.key.high ?? 0 { newestSession = session }
    }

    /// Sorted, so that the same journal always gives the same snapshot.
    var replacements: [JournalRecord] {
        let others = [newestSession].compactMap(\.self)
        return (others + cuts.values).filter { $0.expires > horizon }.sorted { $0.seq < $1.seq }
    }

    private mutating func merge(_ record: JournalRecord, isExemption: Bool) {
        let record = RevocationCodec.independent(record)
        let name = RevokeBeforeSubject(key: record.key, flags: record.flags)
        guard let before = cuts[name] else {
            cuts[name] = record
            return
        }
        // The number of the later one counts, and the greater value. The same one recorded twice keeps its first number.
        let isSame = record.value == before.value
        var merged = isSame == (record.seq < before.seq) ? record : before
        merged.value = max(before.value, record.value)
        // A session is exempt only until exactly that revoke-before time expires.
        let later = record.value > before.value ? record.expires : before.expires
        merged.expires = isExemption ? later : max(before.expires, record.expires)
        cuts[name] = merged
    }
}
