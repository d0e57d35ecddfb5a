package import Encoding
package import Journal
package import Platform
internal import Synchronization
internal import Tokens

/// The revoked tokens and sessions, and the last rotation of each session: in memory, and durable in a log.
///
/// Every `done` runs once, without a lock, on the thread of the caller or of the log; it must return quickly.
package final class RevocationStore: Sendable {
    package typealias Completion = @Sendable (Result<LedgerPosition, JournalError>) -> Void

    /// Generates session ids and the order of revoke-before times; it starts above everything in the log.
    package let identifiers: UUIDv7Generator
    private let clockSpread: Int64
    package let startReport: StartReport

    let index: RevocationIndex
    let ledger: any Ledger
    /// The ledger, if it is the journal of this machine.
    let journal: FileLedger?
    /// The ledger, if it has files on this machine.
    let files: (any LedgerFiles)?
    let evidence: Mutex<TimeEvidence>
    let grace: Int64
    private let head: LedgerHead
    /// Whether other processes write the same ledger.
    package let isShared: Bool
    /// The maximum lifetime of a new session or token, in milliseconds.
    private let lifetimeMax: Int64
    /// Until when older sessions can live, in milliseconds since 1970; 0 if not longer than new ones.
    private let olderEnd: UnixMilliseconds
    /// Publishes new revocations; nil if nothing does.
    package let feed: RevocationFeed?
    /// High half of the newest session id that is durable in the log.
    let noted = Atomic<UInt64>(0)
    /// Whether a revocation is in memory that may be missing in the log.
    let hasLostRevocation = Atomic<Bool>(false)
    /// How many revocations that end sessions are in memory and not durable yet.
    private let pendingEnds = Atomic<Int>(0)
    let lost = LostRevocations()
    let waiters: PositionWaiters
    /// The limit of the process on the lifetime of a session, in milliseconds.
    let sessionMax: Int64?

    /// Replays the log, which stays open until ``close()``.
    package static func open(_ options: RevocationOptions) throws(JournalError) -> RevocationStore {
        try RevocationStore(options)
    }

    private init(_ options: RevocationOptions) throws(JournalError) {
        let replay = RevocationReplay(options)
        ledger = try options.ledger.open(replay)
        journal = ledger as? FileLedger
        files = ledger as? any LedgerFiles
        head = ledger.head
        isShared = ledger.isShared
        waiters = PositionWaiters(head)
        index = replay.index
        evidence = Mutex(replay.evidence)
        olderEnd = replay.note.olderEnd
        sessionMax = options.sessionMax
        lifetimeMax = max(
            options.sessionMax ?? Int64(replay.note.hours) * 3_600_000, TokenLimits.standard.tokenMax,
            options.cutLifetimeMin)
        clockSpread = options.clockSpread
        identifiers = UUIDv7Generator(clock: options.clock, random: options.random, above: replay.floor)
        grace = options.grace
        feed = options.feed
        startReport = StartReport(
            journal: journal?.report ?? JournalReport(), durationMilliseconds: replay.durationMilliseconds,
            counts: index.counts)
        guard let feed else { return }
        feed.begin(at: head.position)
        ledger.follow(from: head.position, into: feed)
    }

    /// Revokes a token from now on; the revocation is durable when `done` reports success.
    ///
    /// - Parameter expiresAt: the `exp` of the token in milliseconds since 1970, which lookups use.
    package func revokeToken(_ jti: UUID, expiresAt: UnixMilliseconds, reason: UInt16 = 0, _ done: @escaping Completion)
    {
        let end = expiresAt.adding(milliseconds: TokenLimits.standard.denylistMargin)
        index.tokens.insert(jti, at: expiresAt, expires: end)
        append([.tokenRevoked(jti: jti, expires: expiresAt, isOfAnyEnd: false, reason: reason)], done)
    }

    /// Revokes a token like ``revokeToken(_:expiresAt:reason:_:)`` when its `exp` was supplied by an operator and not
    /// by the token. The revocation applies regardless of the expiry of the token.
    ///
    /// - Parameter expiresAt: the revocation is kept until then, and until every token that exists now has expired.
    package func revokeTokenOfAnyEnd(
        _ jti: UUID, expiresAt: UnixMilliseconds, reason: UInt16 = 0, _ done: @escaping Completion
    ) {
        let latest = max(expiresAt, ledger.now.adding(milliseconds: TokenLimits.standard.tokenMax))
        index.insertOfAnyEnd(jti, expires: latest)
        append([.tokenRevoked(jti: jti, expires: latest, isOfAnyEnd: true, reason: reason)], done)
    }

    /// Revokes a session and all its tokens from now on; the revocation is durable when `done` reports success.
    ///
    /// - Parameter expiresAt: the absolute end of the session or later.
    package func revokeSession(
        _ sid: UUID, expiresAt: UnixMilliseconds, reason: UInt16 = 0, _ done: @escaping Completion
    ) {
        pendingEnds.add(1, ordering: .acquiringAndReleasing)
        index.sessions.insert(sid, at: sid.milliseconds, expires: expiresAt)
        append([.sessionRevoked(sid: sid, expires: expiresAt, reason: reason)], endsSessions: true, done)
    }

    /// Revokes all sessions of a name that began before now; for a key, permanently revokes all its tokens regardless
    /// of when they were issued.
    ///
    /// - Parameters:
    ///   - name: subject, client id or kid; empty for `.all`.
    ///   - time: everything that began before it ends, the same in every process; nil for now.
    ///   - asker: the session that requests it; `nil` for an operator or the service itself.
    /// - Returns: why the requesting session itself has been revoked. In that case nothing changes, and `done` does not
    ///   run.
    @discardableResult
    package func cut(
        _ kind: RevokeBeforeKind, name: [UInt8], reason: UInt16 = 0, from time: UnixMilliseconds? = nil,
        for asker: RevokingSession? = nil,
        _ done: @escaping Completion
    ) -> Denial? {
        pendingEnds.add(1, ordering: .acquiringAndReleasing)
        let key = RevokeBeforeTable.key(kind, name.span)
        let expires = kind == .key ? .distantFuture : latestEnd(of: kind, after: ledger.now)
        let made = index.cuts.make(kind, key, expires: expires, for: asker) { [index] sid in
            index.sessions.contains(sid, at: sid.milliseconds)
        } draw: { [identifiers] in
            time.map(UUID.version7High) ?? identifiers.next().high
        }
        let cut: RevokeBefore
        switch made {
        case .success(let value): cut = value
        case .failure(let denied):
            pendingEnds.subtract(1, ordering: .acquiringAndReleasing)
            return denied.denial
        }
        var events: [RevocationEvent] = []
        // The exemption precedes the revoke-before time, on disk as in memory, so that the exempt session is never
        // rejected.
        let exempted = asker.flatMap { $0.isExempt ? $0.sid : nil }
        if let exempted { events.append(.exempted(sid: exempted, cut, kind, reason: reason)) }
        events.append(.revokedBefore(cut, kind, key: key, exemptsOne: exempted != nil, reason: reason))
        append(events, endsSessions: true, done)
        return nil
    }

    /// Returns the latest end of anything of this kind that began at or before `time`. Device tokens belong to subjects,
    /// not to clients.
    private func latestEnd(of kind: RevokeBeforeKind, after time: UnixMilliseconds) -> UnixMilliseconds {
        let lifetime = kind == .client ? lifetimeMax : max(lifetimeMax, TokenLimits.standard.deviceMax)
        return max(time.adding(milliseconds: lifetime), olderEnd).adding(milliseconds: TokenLimits.standard.cutMargin)
    }

    /// Returns the latest end of any token of the session under every limit so far.
    package func latestEnd(of sid: UUID) -> UnixMilliseconds {
        max(
            sid.milliseconds.adding(milliseconds: lifetimeMax),
            ledger.now.adding(milliseconds: TokenLimits.standard.tokenMax), olderEnd)
    }

    /// Records the highest session id, before a session with this new id begins.
    ///
    /// If the clock is set back and the process dies, the next one must continue above every id that a client has: otherwise
    /// its revoke-before times miss the session. The exact id is recorded, not a limit ahead of it: after a quick restart a
    /// revoke-before time would then be in the future and reject tokens that are issued after it.
    /// - Parameters:
    ///   - replaced: a session that ends when the new one has begun, and not if that fails.
    ///   - done: runs once, when the journal durably knows of an id that is no lower, or cannot; no client may have the
    ///     id before.
    package func begin(
        _ sid: UUID, replacing replaced: ReplacedSession? = nil, _ done: @escaping @Sendable (JournalError?) -> Void
    ) {
        let isNew = sid.high > noted.load(ordering: .acquiring)
        let events = (isNew ? [.sessionOpened(sid: sid)] : []) + (replaced.map { [$0.event] } ?? [])
        guard !events.isEmpty else { return done(nil) }
        ledger.append(events) { [self] result in
            switch result {
            case .success(let stamp):
                _ = noted.max(sid.high, ordering: .acquiringAndReleasing)
                if let replaced { index.end(replaced, at: stamp.time) }
                done(nil)
            case .failure(let fault): done(fault)
            }
        }
    }

    /// Makes later revoke-before times include sessions that other programs date by the current clock, even if the clock is
    /// set back later: no server issued the session id of a minted token. Call it a few times a second.
    package func followClock() { _ = identifiers.next() }

    /// Whether the session began later than now by every clock so far: it began under a clock that was ahead, so
    /// revoke-before times that were set since then do not include it.
    /// - Parameters:
    ///   - leewaySeconds: how many seconds another clock may be ahead, if that is more than the clocks of other servers. A session within it counts as begun, and later
    ///     ids are above it.
    package func isAhead(_ sid: UUID, at now: UnixMilliseconds, leewaySeconds: Int64) -> Bool {
        guard sid.milliseconds > now, !identifiers.hasReached(sid) else { return false }
        guard sid.milliseconds <= now.adding(seconds: max(leewaySeconds, clockSpread)) else { return true }
        identifiers.raise(above: sid.high)
        return false
    }

    /// Returns whether all tokens of the key with this `kid` are revoked.
    package func isCut(key kid: [UInt8]) -> Bool {
        // The maximum is later than every other revoke-before time, so that only the one of the key applies.
        index.cuts.denial(born: Birth(id: .max), sid: nil, subject: Span(), client: Span(), kid: kid.span) == .key
    }

    /// Whether nothing can be valid any more of a subject that began before `time`; for 0, whether there is any
    /// revoke-before time.
    package func isCut(subject: [UInt8], from time: UnixMilliseconds) -> Bool {
        if time > 0, latestEnd(of: .subject, after: time) <= ledger.now { return true }
        let value = index.cuts.value(of: RevokeBeforeTable.key(.subject, subject.span)) ?? 0
        return value >= max(1, time > 0 ? UUID.version7High(milliseconds: time) : 1)
    }

    /// When a key was last revoked; nil if none is.
    package var newestKeyRevocation: UnixMilliseconds? {
        index.cuts.newestValue(.key).map { UUID(high: $0, low: 0).milliseconds }
    }

    /// Removes what has certainly expired; to be called about once per minute.
    ///
    /// - Parameter monotonic: milliseconds of the clock in the options.
    package func purge(now: UnixMilliseconds, monotonic: Int64) {
        let proven = evidence.withLock { $0.observe(wall: now, monotonic: monotonic) }
        let horizon = proven.adding(milliseconds: -TokenLimits.standard.purgeMargin)
        index.purge(expiredAt: horizon)
        sweepEntries(expiredAt: horizon)
    }

    /// Removes the entries of ended sessions. A revocation that is not durable may fail, and after a restart the session
    /// continues and must be listed.
    func sweepEntries(expiredAt horizon: UnixMilliseconds) {
        index.sweepEntries(expiredAt: horizon) {
            !hasLostRevocation.load(ordering: .acquiring) && pendingEnds.load(ordering: .acquiring) == 0
        }
    }

    /// The time that grace periods use, never decreasing.
    package var now: UnixMilliseconds { ledger.now }
    /// Up to where everything is durable and known here.
    package var position: LedgerPosition { head.position }
    /// The number of that position.
    package var sequence: UInt64 { head.seq }
    package var counts: RevocationCounts { index.counts }
    package var isWritable: Bool { ledger.isWritable }
    /// Whether logins and rotations are accepted. If not, revocations may still be.
    package var takesEverything: Bool { ledger.takesEverything }

    /// Makes everything queued durable and releases the log. It must not be called from a `done`.
    package func close() {
        waiters.close()
        ledger.close()
    }

    /// Notes the number of a revoke-before time that is durable now, the last of `events`.
    private func settle(_ events: [RevocationEvent], at stamp: LedgerStamp) {
        guard isShared, case .revokedBefore(let cut, let kind, let key, _, _) = events.last else { return }
        let exempted: UUID? = if case .exempted(let sid, _, _, _) = events.first { sid } else { nil }
        index.cuts.settle(kind, key, cut, exempted: exempted, seq: stamp.position.seq)
    }

    /// - Parameter endsSessions: whether ``pendingEnds`` counts the revocation.
    func append(_ events: [RevocationEvent], endsSessions: Bool = false, _ done: @escaping Completion) {
        let isRevocation = events.contains(where: \.isRevocation)
        ledger.append(events) { [self] result in
            switch result {
            case .success(let stamp): settle(events, at: stamp)
            case .failure where isRevocation && !ledger.keepsFailedRevocations:
                hasLostRevocation.store(true, ordering: .releasing)
                lost.note(events)
            case .failure: break
            }
            if endsSessions { pendingEnds.subtract(1, ordering: .acquiringAndReleasing) }
            done(result.map(\.position))
        }
    }
}
