import Encoding
import Journal
import Platform
import Revocation

/// What clients and operators do, and what they are told.
extension World {
    func login(_ store: RevocationStore) {
        let lasting = random.below(4) == 0 ? sessionMax : Int64(1 + random.below(48)) * 3_600_000
        order += 1
        let session = SimulatedSession(
            sid: store.identifiers.next(), subject: random.below(3), client: random.below(2),
            end: wall.adding(milliseconds: lasting),
            order: order)
        if session.end > certainty.passed { sessions.append(session) }
        begin(session, store)
        if session.end <= certainty.passed { return }
        if let denial = denial(of: session, store) { fail("a new session is denied: \(denial)") }
    }

    func issue() {
        let token = SimulatedToken(
            jti: UUID(high: random.next() & ~0xf000 | 0x8000, low: random.next() >> 2 | 1 << 63),
            expires: wall.adding(milliseconds: Int64(1 + random.below(60)) * 60_000))
        tokens.append(token)
    }

    func revokeToken(_ store: RevocationStore) {
        guard !tokens.isEmpty else { return issue() }
        revokeToken(store, random.below(tokens.count))
    }

    func revokeToken(_ store: RevocationStore, _ index: Int) {
        let jti = tokens[index].jti
        if tokens[index].refusal == nil { tokens[index].refusal = Refusal() }
        tokens[index].refusal?.isInMemory = true
        trace("revoke token \(jti)")
        ask(of: "revocation of a token") { done in
            store.revokeToken(jti, expiresAt: tokens[index].expires, done)
        } then: { world, result, isQueued in
            guard let index = world.tokens.firstIndex(where: { $0.jti == jti }) else { return }
            world.tokens[index].refusal?.take(result, isQueued: isQueued)
        }
    }

    func revokeSession(_ store: RevocationStore) {
        guard !sessions.isEmpty else { return login(store) }
        let index = random.below(sessions.count)
        let session = sessions[index]
        if session.refusal == nil { sessions[index].refusal = Refusal() }
        sessions[index].refusal?.isInMemory = true
        trace("revoke session \(session.sid)")
        ask(of: "revocation of a session") { done in
            store.revokeSession(session.sid, expiresAt: session.end, done)
        } then: { world, result, isQueued in
            guard let index = world.index(of: session.sid) else { return }
            world.sessions[index].refusal?.take(result, isQueued: isQueued)
        }
    }

    func cut(_ store: RevocationStore) {
        let kind: RevokeBeforeKind = [.subject, .subject, .client, .all][random.below(random.below(4) == 0 ? 4 : 3)]
        let number = kind == .subject ? random.below(3) : kind == .client ? random.below(2) : 0
        order += 1
        let order = order
        let cut = SimulatedCut(
            kind: kind, name: number, order: order, probe: store.identifiers.next(),
            expires: max(store.now.adding(milliseconds: max(sessionMax, Self.day)), olderEnd)
                .adding(seconds: 3_600))
        let living = sessions.indices.filter { sessions[$0].subject == number && isDenied(sessions[$0]) == false }
        let spared = kind == .subject && random.below(2) == 0 ? random.element(of: living) : nil
        if let spared { sessions[spared].spared[kind] = order }
        cuts.append(cut)
        trace("cut \(order) \(kind) \(number) sparing \(spared.map { "\(sessions[$0].sid)" } ?? "nobody")")
        let name = kind == .subject ? subject(number) : kind == .client ? client(number) : []
        ask(of: "cut") { done in
            let asker = spared.map { RevokingSession(sid: sessions[$0].sid, isExempt: true) }
            if let denial = store.cut(kind, name: name, for: asker, done) {
                fail("a living session is refused a cut: \(denial)")
            }
        } then: { world, result, isQueued in
            guard let index = world.cuts.firstIndex(where: { $0.order == order }) else { return }
            world.cuts[index].refusal.take(result, isQueued: isQueued)
        }
    }

    /// Presents a refresh token: the newest, the one before, an older one, or one that was never issued.
    func rotate(_ store: RevocationStore) {
        guard !sessions.isEmpty else { return login(store) }
        let index = random.below(sessions.count)
        let session = sessions[index]
        // Who asks has looked at the token's own end.
        if session.end <= wall || idleEnd(of: session) <= wall { return }
        let newest = session.settled.generation
        let back: UInt32 = [0, 0, 0, 0, 0, 1, 1, 1, 2, 3][random.below(10)]
        let generation = random.below(40) == 0 ? newest + 1 : newest - min(back, newest)
        let usual = generation == newest ? session.pending?.request : session.settled.request
        let request = random.below(6) == 0 ? UInt32(random.below(3)) : usual ?? UInt32(random.below(3))
        let now = store.now
        if now < lastNow || now < wall { fail("the journal's time went from \(lastNow) to \(now)") }
        lastNow = now
        let expected = expectation(session, generation, request, now)
        if expected == .either { return }
        if case .commit = expected {
            sessions[index].pending = .init(generation: newest + 1, request: request, at: now)
        }
        if case .end = expected {
            if sessions[index].refusal == nil { sessions[index].refusal = Refusal() }
            sessions[index].refusal?.isInMemory = true
        }
        trace("present \(session.sid) generation \(generation) request \(request) at \(now): \(expected)")
        outstanding += 1
        let flag = Flag()
        let subject = self.subject(session.subject)
        let client = self.client(session.client)
        let kid = Self.kid
        store.rotate(
            RotationRequest(sid: session.sid, generation: generation, request: request, sessionEnd: session.end),
            subject: subject, client: client, kid: kid
        ) { outcome in
            self.outstanding -= 1
            if flag.isRaised { self.fail("a question was answered twice") }
            flag.isRaised = true
            self.judge(outcome, session.sid, expected, isQueued: !flag.isCalling)
        }
        flag.isCalling = false
    }

    func index(of sid: UUID) -> Int? { sessions.firstIndex { $0.sid == sid } }

    /// Puts a question and takes the answer, which may come at once or on a later step.
    func ask(
        of what: String, _ question: (@escaping RevocationStore.Completion) -> Void,
        then: @escaping @Sendable (World, Result<UInt64, JournalError>, _ isQueued: Bool) -> Void
    ) {
        outstanding += 1
        let flag = Flag()
        let answer: RevocationStore.Completion = { result in
            self.outstanding -= 1
            if flag.isRaised { self.fail("a \(what) was answered twice") }
            flag.isRaised = true
            then(self, self.heard(result.map(\.seq)), !flag.isCalling)
        }
        if scheduling.below(4) == 0 { elsewhere { question(answer) } } else { question(answer) }
        flag.isCalling = false
    }

    /// An answer that comes after the process died never arrives.
    func heard(_ result: Result<UInt64, JournalError>) -> Result<UInt64, JournalError> {
        if disk.isDead { return .failure(.closed) }
        if case .success(let seq) = result {
            promised = max(promised, seq)
            count("promises")
            if isDisplaced { fail("seq \(seq) was promised while the file was away") }
        }
        return result
    }
}

/// `@unchecked Sendable` holds because a simulation runs on one thread.
final class Flag: @unchecked Sendable {
    var isRaised = false
    /// Whether the question is still being put.
    var isCalling = true
}

extension Refusal {
    /// - Parameter isQueued: false if the answer came before the record was given a place.
    mutating func take(_ result: Result<UInt64, JournalError>, isQueued: Bool) {
        switch result {
        case .success(let seq):
            if fate != .kept { self.seq = seq }
            fate = .kept
        case .failure:
            if fate == .pending || fate == .void, isQueued { fate = .unsure }
            if fate == .pending { fate = .void }
        }
    }
}
