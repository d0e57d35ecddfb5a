internal import Encoding
import Platform
internal import Tokens

/// The state in memory that a lookup uses, and its updates from the events of the log.
struct RevocationIndex: Sendable {
    let tokens: Denylist
    /// Tokens that an operator revoked by identifier alone. They are few, and a lookup finds them regardless of the
    /// expiry of the token.
    let tokensOfAnyEnd: Denylist
    let sessions: Denylist
    /// Those of `sessions` that another session of the same browser replaced.
    let replaced: Denylist
    let rotations: Sessions
    let cuts = RevokeBeforeTable()
    let entries: SessionEntries
    let key: FingerprintKey

    init(random: () -> UInt64, entries rule: SessionEntryRule) {
        key = FingerprintKey(random: random)
        // Tokens by their expiry, 4.4 minutes per bucket; sessions by their beginning, 18.6 hours per bucket.
        tokens = Denylist(key: key, stretchBits: 18)
        // By the expiry of the entry, 70 minutes per bucket; a lookup searches all of the about twenty buckets.
        tokensOfAnyEnd = Denylist(key: key, stretchBits: 22)
        sessions = Denylist(key: key, stretchBits: Sessions.stretchBits)
        replaced = Denylist(key: key, stretchBits: Sessions.stretchBits)
        rotations = Sessions(key: key)
        entries = SessionEntries(key: key, rule: rule)
    }

    var counts: RevocationCounts {
        RevocationCounts(
            revokedTokens: tokens.count + tokensOfAnyEnd.count, revokedSessions: sessions.count,
            rotatedSessions: rotations.count, cuts: cuts.count)
    }

    /// Returns why a session may not go on, apart from its key.
    func denial(of request: Advance) -> Denial? {
        if sessions.contains(request.sid, at: request.sid.milliseconds) { return .session }
        return cuts.denial(
            born: request.birth, sid: request.sid, subject: request.subject.span, client: request.client.span,
            kid: nil)
    }

    /// Collects the revocations of a log that is being replayed, until there are enough to sort them by their
    /// location, so that they share memory accesses.
    ///
    /// The denylists do not depend on the order of insertion.
    struct Gathered {
        static let countMax = 131_072

        fileprivate var tokens: [Denylist.Entry] = []
        fileprivate var sessions: [Denylist.Entry] = []
    }

    /// Applies an event of the log; revocations of tokens and sessions take effect only with ``take(_:)``.
    ///
    /// - Parameter stamp: when and where the event was recorded.
    func gather(_ event: RevocationEvent, at stamp: LedgerStamp, into gathered: inout Gathered) {
        switch event {
        case .tokenRevoked(let jti, let expires, isOfAnyEnd: true, _): insertOfAnyEnd(jti, expires: expires)
        case .tokenRevoked(let jti, let expires, isOfAnyEnd: false, _):
            let end = expires.adding(milliseconds: TokenLimits.standard.denylistMargin)
            gathered.tokens.append(Denylist.Entry(id: jti, time: expires, expires: end))
        case .sessionRevoked(let sid, let expires, RevocationReason.replaced.rawValue):
            end(ReplacedSession(sid: sid, expiresAt: expires), at: stamp.time)
        case .sessionRevoked(let sid, let expires, _), .sessionDisplaced(let sid, let expires):
            gathered.sessions.append(Denylist.Entry(id: sid, time: sid.milliseconds, expires: expires))
        case .rotated(let sid, let generation, let request, let sessionEnd):
            rotations.restore(
                Rotation(generation: generation, request: request, at: stamp.time), of: sid, sessionEnd: sessionEnd)
        case .revokedBefore(let cut, let kind, let key, _, _):
            cuts.insert(kind, key, cut, seq: stamp.position.seq)
        case .exempted(let sid, let cut, let kind, _):
            // The revoke-before time is the next record.
            cuts.exempt(sid, kind, cut, seq: stamp.position.seq &+ 1)
        case .sessionListed(let entry): entries.restore(entry)
        case .sessionOpened, .epochBegan, .processStarted: return
        }
        if gathered.tokens.count + gathered.sessions.count >= Gathered.countMax { take(&gathered) }
    }

    /// Inserts a revocation that a lookup finds for any expiry of the token.
    func insertOfAnyEnd(_ jti: UUID, expires: UnixMilliseconds) {
        tokensOfAnyEnd.insert(
            jti, at: expires, expires: expires.adding(milliseconds: TokenLimits.standard.denylistMargin))
    }

    func take(_ gathered: inout Gathered) {
        if !gathered.tokens.isEmpty { tokens.insert(gathered.tokens) }
        if !gathered.sessions.isEmpty { sessions.insert(gathered.sessions) }
        gathered.tokens.removeAll(keepingCapacity: true)
        gathered.sessions.removeAll(keepingCapacity: true)
    }

    func purge(expiredAt now: UnixMilliseconds) {
        tokens.purge(expiredAt: now)
        tokensOfAnyEnd.purge(expiredAt: now)
        sessions.purge(expiredAt: now)
        replaced.purge(expiredAt: now)
        rotations.purge(expiredAt: now)
        cuts.purge(expiredAt: now)
    }

    /// Returns the lower bound of new identifiers, as the high half of a UUIDv7.
    ///
    /// Revoked ids are excluded: an operator may have typed them, and an id from the far future would block the clock.
    static func floor(of event: RevocationEvent) -> UInt64 {
        switch event {
        case .revokedBefore(let cut, _, _, _, _), .exempted(_, let cut, _, _): cut.value
        case .rotated(let sid, _, _, _), .sessionOpened(let sid): sid.high
        case .sessionListed(let entry): entry.sid.high
        case .tokenRevoked, .sessionRevoked, .sessionDisplaced, .epochBegan, .processStarted: 0
        }
    }
}
