import Encoding
import Journal
import Platform
import Revocation

/// Names of subjects and clients; those of probes are nobody's.
private func name(_ kind: String, _ number: Int) -> [UInt8] { Array("\(kind)\(number)".utf8) }

extension World {
    static let kid = Array("k".utf8)

    func subject(_ number: Int) -> [UInt8] { name("subject", number) }
    /// One of them has a name that is too long for an entry of the list of sessions.
    func client(_ number: Int) -> [UInt8] {
        name(number == 1 ? String(repeating: "client", count: 12) : "client", number)
    }

    func denial(of session: SimulatedSession, _ store: RevocationStore) -> Denial? {
        denial(session.sid, session.subject, session.client, store)
    }

    private func denial(_ sid: UUID, _ subject: Int, _ client: Int, _ store: RevocationStore) -> Denial? {
        let subject = self.subject(subject)
        let client = self.client(client)
        let kid = Self.kid
        return store.denial(sid: sid, issuedAt: 0, subject: subject.span, client: client.span, kid: kid.span)
    }

    func isDenied(_ token: SimulatedToken, _ store: RevocationStore) -> Bool {
        let nobody = self.subject(-1)
        let kid = Self.kid
        // Issued after every cut.
        return store.denial(
            jti: token.jti, sid: nil, issuedAt: UnixMilliseconds(1 << 46), expiresAt: token.expires,
            subject: nobody.span,
            client: nobody.span, kid: kid.span) == .token
    }

    /// After a start: what was unsure is found, or gone for good.
    func settle(_ store: RevocationStore) {
        forget()
        // Whole records of a torn end are written again behind all others; which ones those were is not told.
        let foundSeq = store.startReport.journal.salvagedCount > 0 ? store.sequence : 0
        for index in sessions.indices {
            let session = sessions[index]
            sessions[index].refusal?.settle(found: denial(of: session, store) == .session, seq: foundSeq)
            if session.refusal?.fate == .kept, denial(of: session, store) != .session {
                lost("the revocation of session \(session.sid) is lost", seq: session.refusal?.seq ?? 0)
            }
            settle(&sessions[index], store)
        }
        for index in tokens.indices where tokens[index].refusal != nil {
            let found = isDenied(tokens[index], store)
            if tokens[index].refusal?.fate == .kept, !found {
                lost("the revocation of token \(tokens[index].jti) is lost", seq: tokens[index].refusal?.seq ?? 0)
            }
            if tokens[index].refusal?.fate == .void, found {
                fail("the revocation of token \(tokens[index].jti) failed, and came back")
            }
            tokens[index].refusal?.settle(found: found, seq: foundSeq)
        }
        for index in cuts.indices {
            let cut = cuts[index]
            let isHidden = cuts[(index + 1)...].contains {
                $0.kind == .all || ($0.kind == cut.kind && $0.name == cut.name)
            }
            settle(&cuts[index], store, isHidden: isHidden, foundSeq)
        }
    }

    private func settle(_ session: inout SimulatedSession, _ store: RevocationStore) {
        let found = store.generation(of: session.sid)
        if let unsure = session.unsure, found == unsure.generation {
            session.settled = unsure
            session.seq = 0
        } else if found != session.settled.generation {
            let sentence = "session \(session.sid) is at generation \(found), not \(session.settled.generation)"
            found < session.settled.generation ? lost(sentence, seq: session.seq) : fail(sentence)
        }
        session.unsure = nil
    }

    /// - Parameter isHidden: whether a later cut of the same, or of all, may be what is found.
    private func settle(
        _ cut: inout SimulatedCut, _ store: RevocationStore, isHidden: Bool, _ foundSeq: UInt64
    ) {
        let found: Bool
        switch denial(cut.probe, cut.kind == .subject ? cut.name : -1, cut.kind == .client ? cut.name : -1, store) {
        case .subject: found = cut.kind == .subject
        case .client: found = cut.kind == .client
        // A later cut of all hides it, and lasts longer.
        case .all: found = true
        case nil, .token, .session, .key: found = false
        }
        if cut.refusal.fate == .kept, !found { lost("cut \(cut.order) is lost", seq: cut.refusal.seq) }
        if cut.refusal.fate == .void, found, !isHidden {
            fail("cut \(cut.order) failed, and came back")
        }
        cut.refusal.settle(found: found, seq: foundSeq)
    }

    /// Lets go of what has expired for certain.
    func forget() {
        let passed = certainty.passed
        sessions.removeAll { $0.end <= passed && $0.pending == nil }
        tokens.removeAll { $0.expires.adding(seconds: 61) <= passed && $0.refusal?.fate != .pending }
        cuts.removeAll { $0.expires <= passed && $0.refusal.fate != .pending }
    }

    /// Compares everything that memory may be asked with what is known.
    func check(_ store: RevocationStore) {
        forget()
        checkLists(store)
        for session in sessions where session.end > certainty.passed {
            let denial = denial(of: session, store)
            if let expected = isDenied(session), expected != (denial != nil) {
                expected
                    ? fail("session \(session.sid) is not denied any more")
                    : fail(
                        "session \(session.sid) is denied (\(denial.map { "\($0)" } ?? "")), and nobody asked for it")
            }
            let generation = store.generation(of: session.sid)
            if generation != session.settled.generation {
                fail("session \(session.sid) is at generation \(generation), not \(session.settled.generation)")
            }
        }
        for token in tokens where token.expires.adding(seconds: 61) > certainty.passed {
            let denied = isDenied(token, store)
            guard let expected = token.refusal.map(\.isExpected) ?? false, expected != denied else { continue }
            fail(
                "token \(token.jti) is \(denied ? "" : "not ")denied, against what was asked (expires \(token.expires), passed \(certainty.passed), wall \(wall), \(token.refusal.map { "\($0)" } ?? "never asked"))"
            )
        }
    }

    /// Whether a session must be denied, must not be, or may be.
    func isDenied(_ session: SimulatedSession) -> Bool? {
        if session.end <= certainty.passed { return nil }
        var answers: [Bool?] = [session.refusal.map(\.isExpected) ?? false]
        for cut in cuts where concerns(cut, session) {
            if cut.expires <= certainty.passed {
                answers.append(nil)
                continue
            }
            // A clock that was set back before a restart makes identifiers that a session from before has outrun, if the
            // journal knew nothing of it: then nobody was given its id.
            answers.append(session.isNoted || session.sid.high < cut.probe.high ? cut.refusal.isExpected : nil)
        }
        if answers.contains(true) { return true }
        return answers.contains(nil) ? nil : false
    }

    func concerns(_ cut: SimulatedCut, _ session: SimulatedSession) -> Bool {
        guard session.order < cut.order, session.spared[cut.kind] ?? 0 < cut.order else { return false }
        switch cut.kind {
        case .subject: return session.subject == cut.name
        case .client: return session.client == cut.name
        case .all: return true
        case .key: return false
        }
    }
}
