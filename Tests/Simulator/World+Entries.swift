import Encoding
import Journal
import Platform
import Revocation

/// Sessions that their users can list.
extension World {
    /// How long a session may go unused; milliseconds.
    static let idle: Int64 = 30 * 3_600_000
    /// The least limit that an operator sets on sessions.
    private static let shortest = 2 * day

    /// A login: the entry is written, and the oldest sessions beyond the limit end with it.
    func begin(_ session: SimulatedSession, _ store: RevocationStore) {
        let entry = entry(of: session)
        entries[session.sid] = entry
        trace("login \(session.sid) of subject \(session.subject)")
        let flag = Flag()
        let planned = Planned()
        ask(of: "login") { done in
            planned.sids = store.begin(
                entry, at: wall, countMax: sessionCountMax, keptUntil: { store.latestEnd(of: $0) }
            ) { result in
                flag.isRaised = true
                done(result.map(\.position))
            }
        } then: { world, result, isQueued in
            world.take(result, of: session.sid, displacing: planned.sids, isQueued: isQueued)
        }
        // What was not given a place in the journal has changed nothing.
        if !flag.isRaised {
            for sid in planned.sids { expectEnd(of: sid, isOneOfMany: planned.sids.count > 1) }
            if let index = index(of: session.sid) { sessions[index].displacesOthers = !planned.sids.isEmpty }
        }
        guard mutant == .answerBeforeEntry, let index = index(of: session.sid) else { return }
        (sessions[index].isAnswered, sessions[index].entry) = (true, .kept)
    }

    /// Short and long entries, of one to three records beside the first.
    private func entry(of session: SimulatedSession) -> SessionEntry {
        let number = session.order
        let address: SessionEntry.Address? =
            [nil, .ipv4(UInt32(number)), .ipv6(high: UInt64(number), low: session.sid.low)][number % 3]
        let client = String(decoding: client(session.client), as: UTF8.self)
        return SessionEntry(
            sid: session.sid, subject: subject(session.subject).span,
            clientID: client, device: number % 4 == 0 ? nil : String(repeating: "d", count: 1 + number % 40),
            address: address,
            end: session.end.seconds, idleSeconds: Self.idle / 1_000)
    }

    private func expectEnd(of sid: UUID, isOneOfMany: Bool) {
        guard let index = index(of: sid) else { return }
        trace("session \(sid) is to be displaced")
        if sessions[index].refusal == nil || sessions[index].refusal?.fate == .void {
            sessions[index].refusal = Refusal(fate: .pending, isInMemory: false)
        }
        if isOneOfMany { sessions[index].refusal?.isOneOfMany = true }
    }

    private func take(
        _ result: Result<UInt64, JournalError>, of sid: UUID, displacing displaced: [UUID], isQueued: Bool
    ) {
        if isQueued {
            for other in displaced {
                guard let index = index(of: other) else { continue }
                sessions[index].refusal?.take(result, isQueued: true)
                if case .success = result {
                    sessions[index].refusal?.isInMemory = true
                    count("displaced sessions")
                }
            }
        }
        guard let index = index(of: sid) else { return }
        trace("login \(sid): \(result)")
        switch result {
        case .success(let seq):
            sessions[index].isNoted = true
            sessions[index].isAnswered = true
            (sessions[index].entry, sessions[index].entrySeq) = (.kept, seq)
            count("logins")
        case .failure:
            guard mutant != .answerBeforeEntry else { return }
            sessions[index].entry = isQueued ? .unsure : .void
        }
    }

    func idleEnd(of session: SimulatedSession) -> UnixMilliseconds {
        let used = session.settled.generation > 0 ? max(session.settled.at, session.sid.milliseconds) : nil
        return (used ?? session.sid.milliseconds).adding(milliseconds: Self.idle)
    }

    /// Notes which entries may be removed by what has passed now, whatever becomes of the clock or the session later.
    func noteForgettable() {
        for index in sessions.indices where !sessions[index].isForgettable {
            let session = sessions[index]
            sessions[index].isForgettable =
                min(session.end.seconds.milliseconds, idleEnd(of: session)) <= certainty.passed
        }
    }

    /// When the list stops showing a session that nobody ends.
    private func listEnd(of session: SimulatedSession) -> UnixMilliseconds {
        min(
            session.end.seconds.milliseconds, idleEnd(of: session),
            session.sid.milliseconds.adding(milliseconds: sessionMax))
    }

    /// After a start: an entry that was unsure is there, or gone for good.
    func settleEntries(_ store: RevocationStore) {
        let foundSeq = store.startReport.journal.salvagedCount > 0 ? store.sequence : 0
        let listed = lists(store)
        for index in sessions.indices {
            let session = sessions[index]
            let isFound = listed[session.sid] != nil
            guard isDenied(session) == false, listEnd(of: session) > max(wall, certainty.passed),
                isFound || !session.isForgettable
            else {
                // A later start, by another clock, shows whether it is there.
                if session.entry == .kept, mayHaveGone(session.entrySeq) { sessions[index].entry = .unsure }
                sessions[index].isHiddenSinceStart = sessions[index].entry == .unsure
                continue
            }
            switch session.entry {
            case .kept:
                if !isFound { lost("session \(session.sid) is not listed any more", seq: session.entrySeq) }
            case .pending, .unsure:
                (sessions[index].entry, sessions[index].entrySeq) = (isFound ? .kept : .void, foundSeq)
            case .void: break
            }
        }
    }

    /// Compares the lists with what is known.
    func checkLists(_ store: RevocationStore) {
        let listed = lists(store)
        for (sid, session) in listed where session.entry != entries[sid] {
            fail("the entry of session \(sid) is \(session.entry), not \(entries[sid].map { "\($0)" } ?? "there")")
        }
        for session in sessions {
            let isListed = listed[session.sid] != nil
            let end = listEnd(of: session)
            if isListed, end <= wall { fail("session \(session.sid) is listed after its end") }
            if isListed, isDenied(session) == true { fail("session \(session.sid) is listed, and it was ended") }
            if isListed, session.entry == .void || session.entry == .pending {
                fail("session \(session.sid) is listed, and its login is \(session.entry)")
            }
            if !isListed, session.entry == .kept, !session.isForgettable, isDenied(session) == false,
                end > max(wall, certainty.passed)
            {
                fail("session \(session.sid) is not listed")
            }
        }
        checkLimit(listed)
    }

    /// Counts only sessions that have counted at every login since: a clock that was set, or a limit on sessions that was
    /// lower meanwhile, may have hidden others.
    private func checkLimit(_ listed: [UUID: ListedSession]) {
        guard let sessionCountMax, tally["clock jumps"] == nil else { return }
        for subject in 0..<3 {
            let counted = sessions.filter { session in
                session.subject == subject && session.isAnswered && listed[session.sid] != nil
                    && session.refusal == nil && !cuts.contains { concerns($0, session) }
                    && session.sid.milliseconds.adding(milliseconds: Self.shortest) > wall
            }
            if counted.count > sessionCountMax {
                fail("subject \(subject) has \(counted.count) sessions, and may have \(sessionCountMax)")
            }
        }
    }

    private func lists(_ store: RevocationStore) -> [UUID: ListedSession] {
        var listed: [UUID: ListedSession] = [:]
        for number in 0..<3 {
            let subject = subject(number)
            for session in store.sessions(of: subject.span, at: wall) { listed[session.entry.sid] = session }
        }
        return listed
    }
}

/// `@unchecked Sendable` holds because a simulation runs on one thread.
private final class Planned: @unchecked Sendable {
    var sids: [UUID] = []
}
