package import Encoding
package import Journal
import Platform
internal import Synchronization
internal import Tokens

/// The revoked tokens and sessions, and the last rotation of each session: in memory, and durable in the journal.
///
/// Every `done` runs once, without a lock held, on the thread of the caller or of the journal; it must return quickly.
package final class RevocationStore: Sendable {
    package typealias Completion = @Sendable (Result<UInt64, JournalError>) -> Void

    /// Generates session ids and the order of revoke-before times; it starts above everything in the journal.
    package let identifiers: UUIDv7Generator
    package let startReport: StartReport

    let memory: RevocationIndex
    let journal: JournalWriter
    let evidence: Mutex<TimeEvidence>
    private let grace: Int64
    /// The maximum lifetime of a new session or token, in milliseconds.
    private let lifetimeMax: Int64
    /// Until when older sessions can live, in milliseconds since 1970; 0 if not longer than new ones.
    private let olderEnd: Int64
    /// High half of the newest session id that is durable in the journal.
    private let noted = Atomic<UInt64>(0)

    /// Replays the journal, and keeps its lock until ``close()``.
    package static func open(_ options: RevocationOptions) throws(JournalError) -> RevocationStore {
        try RevocationStore(options)
    }

    private init(_ options: RevocationOptions) throws(JournalError) {
        let began = options.monotonicNow()
        memory = RevocationIndex(random: options.random)
        var reader = try JournalReader(options.storage)
        var floor: UInt64 = 0
        var gathered = RevocationIndex.Gathered()
        var limits = SessionLimits()
        try reader.replay { [memory] records in
            memory.gather(records, into: &gathered)
            for record in records {
                floor = max(floor, RevocationIndex.floor(of: record))
                limits.take(record)
            }
        }
        memory.take(&gathered)
        for sighting in options.sightings {
            do throws(JournalError) {
                try sighting.check(store: reader.store, lastSeq: reader.lastSeq)
            } catch {
                options.storage.unlock()
                throw error
            }
        }
        // After the clock was set back, a new revoke-before time must still cover the sessions that the journal has
        // recorded.
        floor = max(floor, UUID.version7High(milliseconds: reader.lastTime.saturatingAdd(1)))
        var evidence = TimeEvidence(lastTime: reader.lastTime, wall: options.clock.now, monotonic: began)
        memory.purge(expiredAt: evidence.observe(wall: options.clock.now, monotonic: began) &- TokenLimits.standard.purgeMargin)
        self.evidence = Mutex(evidence)
        var journalOptions = JournalOptions(clock: options.clock, random: options.random)
        journalOptions.observe = options.observe
        journalOptions.pace = options.pace
        journalOptions.reserveByteCount = options.reserveByteCount
        let opened = max(reader.lastTime, options.clock.now)
        journalOptions.note = limits.note(sessionMax: options.sessionMax, now: opened)
        olderEnd = journalOptions.note.time
        lifetimeMax = max(
            options.sessionMax ?? Int64(journalOptions.note.number) * 3_600_000, TokenLimits.standard.tokenMax,
            options.cutLifetimeMin)
        if let count = options.segmentRecordCount { journalOptions.segmentRecordCount = count }
        journal = try reader.intoWriter(journalOptions)
        identifiers = UUIDv7Generator(clock: options.clock, random: options.random, above: floor)
        grace = options.grace
        startReport = StartReport(
            journal: journal.report, durationMilliseconds: options.monotonicNow() &- began, counts: memory.counts)
    }

    /// Returns why a verified token is rejected, or nil. It only reads memory, and hashes a name only if a
    /// revoke-before time of that kind can apply to the token.
    ///
    /// - Parameters:
    ///   - sid: nil for a token without a session, whose time of issue is used instead.
    ///   - issuedAt: milliseconds since 1970.
    ///   - expiresAt: exactly the value for ``revokeToken(_:expiresAt:reason:_:)``.
    package func denial(
        jti: UUID, sid: UUID?, issuedAt: Int64, expiresAt: Int64,
        subject: Span<UInt8>, client: Span<UInt8>, kid: Span<UInt8>
    ) -> Denial? {
        if memory.tokens.contains(jti, at: expiresAt) || memory.tokensOfAnyEnd.containsAnywhere(jti) { return .token }
        return denial(sid: sid, issuedAt: issuedAt, subject: subject, client: client, kid: kid)
    }

    /// Returns the same as ``denial(jti:sid:issuedAt:expiresAt:subject:client:kid:)`` for something without a `jti`,
    /// such as a refresh token.
    package func denial(
        sid: UUID?, issuedAt: Int64, subject: Span<UInt8>, client: Span<UInt8>, kid: Span<UInt8>
    ) -> Denial? {
        if let sid, memory.sessions.contains(sid, at: sid.milliseconds) { return .session }
        let born = sid?.high ?? UUID.version7High(milliseconds: issuedAt)
        return memory.cuts.denial(born: born, sid: sid, subject: subject, client: client, kid: kid)
    }

    /// Revokes a token from now on; the revocation is durable when `done` reports success.
    ///
    /// - Parameter expiresAt: the `exp` of the token in milliseconds since 1970, which lookups use.
    package func revokeToken(_ jti: UUID, expiresAt: Int64, reason: UInt16 = 0, _ done: @escaping Completion) {
        memory.tokens.insert(jti, at: expiresAt, expires: expiresAt.saturatingAdd(TokenLimits.standard.denylistMargin))
        append([JournalRecord(.revokeToken, key: jti, expires: expiresAt, reason: reason)], done)
    }

    /// Revokes a token like ``revokeToken(_:expiresAt:reason:_:)`` when its `exp` was supplied by an operator and not
    /// by the token. The revocation applies regardless of the expiry of the token.
    ///
    /// - Parameter expiresAt: the revocation is kept until then, and until every token that exists now has expired.
    package func revokeTokenOfAnyEnd(
        _ jti: UUID, expiresAt: Int64, reason: UInt16 = 0, _ done: @escaping Completion
    ) {
        let latest = max(expiresAt, journal.now.saturatingAdd(TokenLimits.standard.tokenMax))
        let record = JournalRecord.revokeTokenOfAnyEnd(jti, expires: latest, reason: reason)
        memory.insertOfAnyEnd(record)
        append([record], done)
    }

    /// Revokes a session and all its tokens from now on; the revocation is durable when `done` reports success.
    ///
    /// - Parameter expiresAt: the absolute end of the session or later, in milliseconds since 1970.
    package func revokeSession(_ sid: UUID, expiresAt: Int64, reason: UInt16 = 0, _ done: @escaping Completion) {
        memory.sessions.insert(sid, at: sid.milliseconds, expires: expiresAt)
        append([JournalRecord(.revokeSession, key: sid, expires: expiresAt, reason: reason)], done)
    }

    /// Revokes all sessions of a name that began before now; for a key, permanently revokes all its tokens regardless
    /// of when they were issued.
    ///
    /// - Parameters:
    ///   - name: subject, client id or kid; empty for `.all`.
    ///   - asker: the session that requests it; `nil` for an operator or the service itself.
    /// - Returns: why the requesting session itself has been revoked. In that case nothing changes, and `done` does not
    ///   run.
    @discardableResult
    package func cut(
        _ kind: RevokeBeforeKind, name: [UInt8], reason: UInt16 = 0, for asker: RevokingSession? = nil,
        _ done: @escaping Completion
    ) -> Denial? {
        let key = RevokeBeforeTable.key(kind, name.span)
        let expires = kind == .key ? Int64.max : latestEnd(after: journal.now)
        let made = memory.cuts.make(kind, key, expires: expires, for: asker) { [memory] sid in
            memory.sessions.contains(sid, at: sid.milliseconds)
        } draw: { [identifiers] in
            identifiers.next().high
        }
        let cut: RevokeBeforeTable.RevokeBefore
        switch made {
        case .success(let value): cut = value
        case .failure(let denied): return denied.denial
        }
        var records: [JournalRecord] = []
        // The exemption precedes the revoke-before time, on disk as in memory, so that the exempt session is never
        // rejected.
        let exempted = asker.flatMap { $0.isSpared ? $0.sid : nil }
        if let exempted { records.append(.exempt(exempted, kind, cut, reason: reason)) }
        records.append(.cut(key, kind, cut, sparesOne: exempted != nil, reason: reason))
        append(records, done)
        return nil
    }

    /// Returns the latest end of anything that began at or before `time`, in milliseconds since 1970.
    private func latestEnd(after time: Int64) -> Int64 {
        max(time.saturatingAdd(lifetimeMax), olderEnd).saturatingAdd(TokenLimits.standard.cutMargin)
    }

    /// Returns the latest end of any token of the session under every limit so far, in milliseconds since 1970.
    package func latestEnd(of sid: UUID) -> Int64 {
        max(
            sid.milliseconds.saturatingAdd(lifetimeMax), journal.now.saturatingAdd(TokenLimits.standard.tokenMax), olderEnd)
    }

    /// Takes note of how far session ids have come, before a session with this one of ours begins.
    ///
    /// If the clock is set back and the process dies, the next one must go on above every id that anybody has: otherwise its
    /// cuts pass by the session. The exact id is noted, not a limit some time ahead of it: after a quick restart a cut would
    /// lie in the future then, and refuse tokens that are issued after it.
    /// - Parameter done: runs once, when the journal durably knows of an id that is no lower, or cannot; nobody may have the
    ///   id before.
    package func begin(_ sid: UUID, _ done: @escaping @Sendable (JournalError?) -> Void) {
        guard sid.high > noted.load(ordering: .acquiring) else { return done(nil) }
        journal.append(JournalRecord(.session, key: sid, expires: sid.milliseconds)) { [self] result in
            switch result {
            case .success:
                _ = noted.max(sid.high, ordering: .acquiringAndReleasing)
                done(nil)
            case .failure(let fault): done(fault)
            }
        }
    }

    /// Has cuts from now on reach what other programs sign by this moment's clock, even if that is set back: a minted token
    /// has an id that no server gave out. To be called a few times a second.
    package func followClock() { _ = identifiers.next() }

    /// Whether the session began later than now by every clock that was ever seen: under a clock that was ahead, which cuts
    /// made since do not reach.
    /// - Parameters:
    ///   - now: milliseconds since 1970.
    ///   - leeway: how many milliseconds another clock may be ahead. A session within it counts as begun, and later ids
    ///     are above it.
    package func isAhead(_ sid: UUID, at now: Int64, leeway: Int64) -> Bool {
        guard sid.milliseconds > now, !identifiers.hasReached(sid) else { return false }
        guard sid.milliseconds <= now.saturatingAdd(leeway) else { return true }
        identifiers.raise(above: sid.high)
        return false
    }

    /// Returns whether all tokens of the key with this `kid` are revoked.
    package func isCut(key kid: [UInt8]) -> Bool {
        // The maximum is later than every other revoke-before time, so that only the one of the key applies.
        memory.cuts.denial(born: .max, sid: nil, subject: Span(), client: Span(), kid: kid.span) == .key
    }

    /// Uses a refresh token: decides whether its successor may be issued, and makes that durable first.
    ///
    /// A revoked session is rejected before anything else. Concurrent uses of one token get the same outcome.
    package func rotate(
        _ request: RotationRequest, subject: Span<UInt8>, client: Span<UInt8>, kid: Span<UInt8>,
        _ done: @escaping @Sendable (RotationOutcome) -> Void
    ) {
        if let denial = denial(sid: request.sid, issuedAt: 0, subject: subject, client: client, kid: kid) {
            return done(.denied(denial))
        }
        switch memory.rotations.present(request, now: journal.now, grace: grace, joining: done) {
        case .join:
            break
        case .commit(let generation):
            let rotations = memory.rotations
            journal.append(.rotate(request, generation: generation)) { rotations.settle(request, $0, done) }
        case .replay(let rotation):
            done(.replayed(generation: rotation.generation, at: rotation.at, seq: journal.durableSeq))
        case .mismatch:
            done(.mismatched)
        case .ahead(let known):
            done(.ahead(known: known))
        case .reuse:
            revokeSession(request.sid, expiresAt: request.sessionEnd, reason: RevocationReason.refreshReused.rawValue) {
                switch $0 {
                case .success(let seq): done(.reused(seq: seq))
                case .failure(let fault): done(.unavailable(fault))
                }
            }
        }
    }

    /// Returns the generation of the newest refresh token of a session.
    package func generation(of sid: UUID) -> UInt32 { memory.rotations.generation(of: sid) }

    /// Removes what has certainly expired; to be called about once per minute.
    ///
    /// - Parameter monotonic: milliseconds of the clock in the options.
    package func purge(now: Int64, monotonic: Int64) {
        memory.purge(expiredAt: evidence.withLock { $0.observe(wall: now, monotonic: monotonic) } &- TokenLimits.standard.purgeMargin)
    }

    /// Writes a text for processes that find the journal locked.
    package func announce(_ text: String) { journal.announce(text) }

    /// The sequence number of the last durable record.
    package var sequence: UInt64 { journal.durableSeq }
    package var counts: RevocationCounts { memory.counts }
    package var isWritable: Bool { journal.isWritable }
    package var fault: JournalError? { journal.fault }
    /// Whether logins and rotations are accepted. If not, revocations may still be.
    package var takesEverything: Bool { journal.takesEverything }
    /// Why the journal is impaired; nil if it is not.
    package var condition: JournalCondition? { journal.condition }
    /// The high-water mark that a later start must find.
    package var sighting: HighWaterMark { HighWaterMark(store: journal.store, seq: journal.durableSeq) }
    /// The name of each journal condition and whether it currently applies, for callers that do not import Journal.
    package var conditions: [(name: String, holds: Bool)] {
        let present = condition
        return JournalCondition.allCases.map { ($0.rawValue, $0 == present) }
    }
    package var statistics: JournalStatistics { journal.statistics }

    /// The counters of the journal since the start, for callers that do not import Journal.
    package var journalFigures: (commits: UInt64, records: UInt64, syncNanoseconds: UInt64, failures: UInt64) {
        let figures = journal.statistics
        return (figures.commitCount, figures.recordCount, figures.syncNanoseconds, figures.failureCount)
    }

    /// Makes everything queued durable and releases the lock. It must not be called from a `done`.
    package func close() { journal.close() }

    private func append(_ records: [JournalRecord], _ done: @escaping Completion) {
        journal.append(contentsOf: records) { done($0.map(\.seq)) }
    }
}
