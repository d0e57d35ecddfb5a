internal import Encoding
internal import Journal
internal import Tokens

/// The state in memory that a lookup uses, and its updates from journal records.
struct RevocationIndex: Sendable {
    let tokens: Denylist
    /// Tokens that an operator revoked by identifier alone. They are few, and a lookup finds them regardless of the
    /// expiry of the token.
    let tokensOfAnyEnd: Denylist
    let sessions: Denylist
    let rotations: Sessions
    let cuts = RevokeBeforeTable()
    let key: FingerprintKey

    init(random: () -> UInt64) {
        key = FingerprintKey(random: random)
        // Tokens by their expiry, 4.4 minutes per bucket; sessions by their beginning, 18.6 hours per bucket.
        tokens = Denylist(key: key, stretchBits: 18)
        // By the expiry of the entry, 70 minutes per bucket; a lookup searches all of the about twenty buckets.
        tokensOfAnyEnd = Denylist(key: key, stretchBits: 22)
        sessions = Denylist(key: key, stretchBits: Sessions.stretchBits)
        rotations = Sessions(key: key)
    }

    var counts: RevocationCounts {
        RevocationCounts(
            revokedTokens: tokens.count + tokensOfAnyEnd.count, revokedSessions: sessions.count,
            rotatedSessions: rotations.count, cuts: cuts.count)
    }

    /// Collects the revocations of a journal that is being replayed, until there are enough to sort them by their
    /// location, so that they share memory accesses.
    ///
    /// The denylists do not depend on the order of insertion.
    struct Gathered {
        static let countMax = 131_072

        fileprivate var tokens: [Denylist.Entry] = []
        fileprivate var sessions: [Denylist.Entry] = []
    }

    /// Applies journal records in order; revocations of tokens and sessions take effect only with ``take(_:)``.
    func gather(_ records: [JournalRecord], into gathered: inout Gathered) {
        for record in records {
            switch record.kind {
            case .revokeToken where record.isOfAnyEnd: insertOfAnyEnd(record)
            case .revokeToken:
                let end = record.expires.saturatingAdd(TokenLimits.standard.denylistMargin)
                gathered.tokens.append(Denylist.Entry(id: record.key, time: record.expires, expires: end))
            case .revokeSession:
                gathered.sessions.append(
                    Denylist.Entry(id: record.key, time: record.key.milliseconds, expires: record.expires))
            case .rotate:
                rotations.restore(Rotation(record), of: record.key, sessionEnd: record.expires)
            case .cut: restoreCut(record)
            case .open, .seal, .session: break
            }
        }
        if gathered.tokens.count + gathered.sessions.count >= Gathered.countMax { take(&gathered) }
    }

    /// Inserts a revocation that a lookup finds for any expiry.
    ///
    /// - Parameter record: a revoked token, regardless of its own expiry.
    func insertOfAnyEnd(_ record: JournalRecord) {
        let end = record.expires.saturatingAdd(TokenLimits.standard.denylistMargin)
        tokensOfAnyEnd.insert(record.key, at: record.expires, expires: end)
    }

    private func restoreCut(_ record: JournalRecord) {
        // A kind of a later version would have required a later version of the format.
        guard let kind = RevokeBeforeKind(rawValue: record.flags >> 4) else { return }
        let cut = RevokeBeforeTable.RevokeBefore(value: record.value, expires: record.expires)
        if record.isSpare { cuts.exempt(record.key, kind, cut) } else { cuts.insert(kind, record.key, cut) }
    }

    func take(_ gathered: inout Gathered) {
        if !gathered.tokens.isEmpty { tokens.insert(gathered.tokens) }
        if !gathered.sessions.isEmpty { sessions.insert(gathered.sessions) }
        gathered.tokens.removeAll(keepingCapacity: true)
        gathered.sessions.removeAll(keepingCapacity: true)
    }

    func purge(expiredAt now: Int64) {
        tokens.purge(expiredAt: now)
        tokensOfAnyEnd.purge(expiredAt: now)
        sessions.purge(expiredAt: now)
        rotations.purge(expiredAt: now)
        cuts.purge(expiredAt: now)
    }

    /// Returns the lower bound of new identifiers, as the high half of a UUIDv7.
    ///
    /// Revoked ids are excluded: an operator may have typed them, and an id from the far future would block the clock.
    static func floor(of record: JournalRecord) -> UInt64 {
        switch record.kind {
        case .cut: record.value
        case .rotate, .session: record.key.high
        case .revokeToken, .revokeSession, .open, .seal: 0
        }
    }
}

/// Why a session or token was revoked; the numbers are part of the journal format.
package enum RevocationReason: UInt16, Sendable {
    case unspecified = 0
    case logout = 1
    case revoked = 2
    case refreshReused = 3
    case compromised = 4
    case operatorAction = 5
    case accountChanged = 6
}

extension JournalRecord {
    private static let spareFlag: UInt8 = 1

    private static let anyEndFlag: UInt8 = 1

    /// Whether the record revokes a token regardless of the expiry of the token.
    var isOfAnyEnd: Bool { kind == .revokeToken && flags & Self.anyEndFlag != 0 }

    static func revokeTokenOfAnyEnd(_ jti: UUID, expires: Int64, reason: UInt16) -> JournalRecord {
        JournalRecord(.revokeToken, key: jti, expires: expires, flags: anyEndFlag, reason: reason)
    }

    var isSpare: Bool { flags & Self.spareFlag != 0 }

    static func rotate(_ request: RotationRequest, generation: UInt32) -> JournalRecord {
        JournalRecord(
            .rotate, key: request.sid, expires: request.sessionEnd,
            value: UInt64(generation) | UInt64(request.request) << 32)
    }

    /// Returns a record of a revoke-before time.
    ///
    /// - Parameter sparesOne: whether the record before names an exempt session.
    static func cut(
        _ key: UUID, _ kind: RevokeBeforeKind, _ cut: RevokeBeforeTable.RevokeBefore, sparesOne: Bool, reason: UInt16
    ) -> JournalRecord {
        JournalRecord(
            .cut, key: key, expires: cut.expires, value: cut.value,
            flags: kind.rawValue << 4 | (sparesOne ? dependentFlag : 0), reason: reason)
    }

    static func exempt(_ sid: UUID, _ kind: RevokeBeforeKind, _ cut: RevokeBeforeTable.RevokeBefore, reason: UInt16)
        -> JournalRecord
    {
        JournalRecord(
            .cut, key: sid, expires: cut.expires, value: cut.value, flags: kind.rawValue << 4 | spareFlag,
            reason: reason)
    }
}

extension Rotation {
    /// Reads a record of kind ROTATE.
    init(_ record: JournalRecord) {
        self.init(
            generation: UInt32(truncatingIfNeeded: record.value),
            request: UInt32(truncatingIfNeeded: record.value >> 32),
            at: record.time)
    }
}

extension Int64 {
    func saturatingAdd(_ other: Int64) -> Int64 {
        let (sum, isOver) = addingReportingOverflow(other)
        return isOver ? (other > 0 ? .max : .min) : sum
    }
}
