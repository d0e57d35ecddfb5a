package import Journal
package import Octets
internal import Synchronization

/// What is refused although its signature is good, and how far each session has rotated: in memory, and durable in the
/// journal.
///
/// Every `done` runs once, without a lock held, on the caller's thread or on the journal's; it must be short.
package final class RevocationStore: Sendable {
    package typealias Completion = @Sendable (Result<UInt64, JournalFault>) -> Void

    /// Gives session ids and cuts their order; started above everything in the journal.
    package let identifiers: UUIDv7Generator
    package let startReport: StartReport

    /// Verifiers whose clocks are behind ours, or who grant leeway, take a token for this long after its end: so long its
    /// refusal is kept, in milliseconds.
    package static let leewayMax: Int64 = 300_000

    let memory: Memory
    let journal: JournalWriter
    let evidence: Mutex<TimeEvidence>
    private let grace: Int64
    private let sessionMax: Int64

    /// Replays the journal. Takes its lock until ``close()``.
    package static func open(_ options: RevocationOptions) throws(JournalFault) -> RevocationStore {
        try RevocationStore(options)
    }

    private init(_ options: RevocationOptions) throws(JournalFault) {
        let began = options.monotonicNow()
        memory = Memory(random: options.random)
        var reader = try JournalReader(options.storage)
        var floor: UInt64 = 0
        var gathered = Memory.Gathered()
        try reader.replay { [memory] records in
            memory.gather(records, into: &gathered)
            for record in records { floor = max(floor, Memory.floor(of: record)) }
        }
        memory.take(&gathered)
        if let sighting = options.sighting {
            do throws(JournalFault) {
                try sighting.check(store: reader.store, lastSeq: reader.lastSeq)
            } catch {
                options.storage.unlock()
                throw error
            }
        }
        // A clock that was set back must not let a cut pass by sessions that are in the journal's past.
        floor = max(floor, UUID.version7High(milliseconds: reader.lastTime.saturatingAdd(1)))
        var evidence = TimeEvidence(lastTime: reader.lastTime, wall: options.clock.now, monotonic: began)
        memory.purge(expiredAt: evidence.observe(wall: options.clock.now, monotonic: began) &- Self.leewayMax)
        self.evidence = Mutex(evidence)
        var journalOptions = JournalOptions(clock: options.clock, random: options.random)
        journalOptions.observe = options.observe
        journalOptions.pace = options.pace
        journalOptions.reserveByteCount = options.reserveByteCount
        if let count = options.segmentRecordCount { journalOptions.segmentRecordCount = count }
        journal = try reader.intoWriter(journalOptions)
        identifiers = UUIDv7Generator(clock: options.clock, random: options.random, above: floor)
        grace = options.grace
        sessionMax = options.sessionMax
        startReport = StartReport(
            journal: journal.report, durationMilliseconds: options.monotonicNow() &- began, counts: memory.counts)
    }

    /// Whether a verified token is refused. Memory only; no name is hashed unless a cut of that kind may concern the
    /// token.
    ///
    /// - Parameters:
    ///   - sid: nil for a token without a session; then its time of issue counts.
    ///   - issuedAt: milliseconds since 1970.
    ///   - expiresAt: exactly what was given to ``revokeToken(_:expiresAt:reason:_:)``.
    package func denial(
        jti: UUID, sid: UUID?, issuedAt: Int64, expiresAt: Int64,
        subject: Span<UInt8>, client: Span<UInt8>, kid: Span<UInt8>
    ) -> Denial? {
        if memory.tokens.contains(jti, at: expiresAt) { return .token }
        return denial(sid: sid, issuedAt: issuedAt, subject: subject, client: client, kid: kid)
    }

    /// As ``denial(jti:sid:issuedAt:expiresAt:subject:client:kid:)`` for what has no `jti`, such as a refresh token.
    package func denial(
        sid: UUID?, issuedAt: Int64, subject: Span<UInt8>, client: Span<UInt8>, kid: Span<UInt8>
    ) -> Denial? {
        if let sid, memory.sessions.contains(sid, at: sid.milliseconds) { return .session }
        let born = sid?.high ?? UUID.version7High(milliseconds: issuedAt)
        return memory.cuts.denial(born: born, sid: sid, subject: subject, client: client, kid: kid)
    }

    /// Refuses a token from now on; durable when `done` says so.
    /// - Parameter expiresAt: the token's own `exp`, in milliseconds since 1970: lookups find it by that.
    package func revokeToken(_ jti: UUID, expiresAt: Int64, reason: UInt16 = 0, _ done: @escaping Completion) {
        memory.tokens.insert(jti, at: expiresAt, expires: expiresAt.saturatingAdd(Memory.leewayMax))
        append([JournalRecord(.revokeToken, key: jti, expires: expiresAt, reason: reason)], done)
    }

    /// Refuses a session and all its tokens from now on; durable when `done` says so.
    /// - Parameter expiresAt: the session's absolute end or later, in milliseconds since 1970.
    package func revokeSession(_ sid: UUID, expiresAt: Int64, reason: UInt16 = 0, _ done: @escaping Completion) {
        memory.sessions.insert(sid, at: sid.milliseconds, expires: expiresAt)
        append([JournalRecord(.revokeSession, key: sid, expires: expiresAt, reason: reason)], done)
    }

    /// Refuses all sessions of a name that began before now; of a key, all its tokens whenever issued, for good.
    ///
    /// - Parameters:
    ///   - name: subject, client id or kid; empty for `.all`.
    ///   - sid: lives through this cut and earlier ones of the same kind.
    package func cut(
        _ kind: CutKind, name: [UInt8], reason: UInt16 = 0, sparing sid: UUID? = nil, _ done: @escaping Completion
    ) {
        let key = Cuts.key(kind, name.span)
        // An hour on top: a token without a session may be as old as its lifetime, which is no longer than that.
        let expires = kind == .key ? Int64.max : journal.now.saturatingAdd(sessionMax).saturatingAdd(3_600_000)
        let cut = Cuts.Cut(value: identifiers.next().high, expires: expires)
        var records: [JournalRecord] = []
        if let sid {
            // Before the cut, in memory and on disk: there is no moment in which the spared session is refused.
            memory.cuts.spare(sid, kind, cut)
            records.append(.spare(sid, kind, cut, reason: reason))
        }
        memory.cuts.insert(kind, key, cut)
        records.append(.cut(key, kind, cut, sparesOne: sid != nil, reason: reason))
        append(records, done)
    }

    /// Whether all tokens of the key with this `kid` are refused.
    package func isCut(key kid: [UInt8]) -> Bool {
        // Born after every cut of another kind, so that only the key's own counts.
        memory.cuts.denial(born: .max, sid: nil, subject: Span(), client: Span(), kid: kid.span) == .key
    }

    /// Uses a refresh token: decides whether its successor may be issued, and writes that down first.
    ///
    /// A revoked or cut session is refused before anything else. Concurrent uses of one token get one outcome.
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

    /// The generation of a session's newest refresh token.
    package func generation(of sid: UUID) -> UInt32 { memory.rotations.generation(of: sid) }

    /// Forgets what has expired for certain; to be called about every minute.
    /// - Parameter monotonic: milliseconds of the clock that the options named.
    package func purge(now: Int64, monotonic: Int64) {
        memory.purge(expiredAt: evidence.withLock { $0.observe(wall: now, monotonic: monotonic) } &- Self.leewayMax)
    }

    /// The last durable record.
    package var sequence: UInt64 { journal.durableSeq }
    package var counts: RevocationCounts { memory.counts }
    package var isWritable: Bool { journal.isWritable }
    package var fault: JournalFault? { journal.fault }
    /// Whether logins and rotations are taken; if not, revocations may be.
    package var takesEverything: Bool { journal.takesEverything }
    /// What stands in the way of the promises; nil if nothing does.
    package var condition: JournalCondition? { journal.condition }
    /// What a later start must find again.
    package var sighting: JournalSighting { JournalSighting(store: journal.store, seq: journal.durableSeq) }
    /// The same for those who know nothing of journals: each condition, and whether it holds.
    package var conditions: [(name: String, holds: Bool)] {
        let present = condition
        return JournalCondition.allCases.map { ($0.rawValue, $0 == present) }
    }
    package var statistics: JournalStatistics { journal.statistics }

    /// What the journal has done since the start, for those who know nothing of journals.
    package var journalFigures: (commits: UInt64, records: UInt64, syncNanoseconds: UInt64, failures: UInt64) {
        let figures = journal.statistics
        return (figures.commitCount, figures.recordCount, figures.syncNanoseconds, figures.failureCount)
    }

    /// Makes everything queued durable and gives the lock back. Not to be called from a `done`.
    package func close() { journal.close() }

    private func append(_ records: [JournalRecord], _ done: @escaping Completion) {
        journal.append(contentsOf: records) { done($0.map(\.seq)) }
    }
}
