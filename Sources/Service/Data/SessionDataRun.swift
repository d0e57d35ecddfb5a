import Encoding
import Platform
import Revocation

/// One request for the data of a session: it reads, decides on the event loop, writes if the data is still the same, and
/// otherwise begins again.
final class SessionDataRun: Sendable {
    /// How often a change is tried.
    static let tryCountMax = 5

    private let state: AuthState
    private let store: any SessionDataStore
    private let session: LogoutSession
    private let dataSession: DataSession
    private let condition: SessionDataCondition
    /// Nil for a request that only reads.
    private let change: SessionDataChange?
    private let onLoop: UseSessionData.OnLoop
    private let then: UseSessionData.Completion

    init(
        state: AuthState, store: any SessionDataStore, session: LogoutSession, condition: SessionDataCondition,
        change: SessionDataChange?, onLoop: @escaping UseSessionData.OnLoop, then: @escaping UseSessionData.Completion
    ) {
        self.state = state
        self.store = store
        self.session = session
        self.condition = condition
        self.change = change
        self.onLoop = onLoop
        self.then = then
        dataSession = DataSession(
            sid: session.sid, sessionEnd: state.latestEnd(of: session.sid),
            birth: state.revocations.comparable(session.birth), subject: Array(session.subject.utf8),
            client: Array(session.clientID.utf8))
    }

    func begin() { attempt(1) }

    private func attempt(_ number: Int) {
        store.readData(of: dataSession) { [self] result in onLoop { [self] in decide(result, number) } }
    }

    private func decide(_ result: Result<StoredSessionData, SessionDataFault>, _ number: Int) {
        do throws(SessionDataFailure) {
            let stored = try checked(result)
            guard let change else { return then(.success(try view(of: stored))) }
            let content = try content(after: change, on: stored)
            guard content != stored.content else { return then(.success(view(content, stored.revision))) }
            store.writeData(content, of: dataSession, expecting: stored.revision) { [self] result in
                onLoop { [self] in finish(result, content, number) }
            }
        } catch {
            then(.failure(error))
        }
    }

    private func finish(_ result: Result<UInt64, SessionDataFault>, _ content: [UInt8], _ number: Int) {
        switch result {
        case .success(let revision): then(.success(view(content, revision)))
        case .failure(.conflict) where number < Self.tryCountMax: attempt(number + 1)
        case .failure(let fault): then(.failure(SessionDataFailure(fault)))
        }
    }

    /// The engine knows of revocations of the session itself; this node's memory knows those of keys and accounts too.
    private func checked(
        _ result: Result<StoredSessionData, SessionDataFault>
    ) throws(SessionDataFailure) -> StoredSessionData {
        let stored: StoredSessionData
        do throws(SessionDataFault) { stored = try result.get() } catch { throw SessionDataFailure(error) }
        let denial = state.revocations.denial(
            sid: session.sid, issuedAt: 0, birth: session.birth, subject: session.subject.utf8.span,
            client: session.clientID.utf8.span, kid: session.kid.utf8.span)
        if let denial { throw .ended(denial) }
        return stored
    }

    private func view(of stored: StoredSessionData) throws(SessionDataFailure) -> SessionDataView {
        var view = view(stored.content, stored.revision)
        switch condition.verdict(tag: view.tag, exists: !stored.content.isEmpty) {
        case .met: break
        case .ifMatchFailed: throw .preconditionFailed
        case .ifNoneMatchFailed: view.isUnmodified = true
        }
        _ = try parsed(stored)
        return view
    }

    private func view(_ content: [UInt8], _ revision: UInt64) -> SessionDataView {
        SessionDataView(
            content: content.isEmpty ? SessionDataContent.empty : content,
            tag: StoredSessionData(revision: revision, content: content).tag(of: session.sid))
    }

    /// The content that is to be stored; empty for none.
    private func content(
        after change: SessionDataChange, on stored: StoredSessionData
    ) throws(SessionDataFailure) -> [UInt8] {
        let verdict = condition.verdict(tag: stored.tag(of: session.sid), exists: !stored.content.isEmpty)
        guard case .met = verdict else { throw .preconditionFailed }
        switch change {
        case .replace(let content): return content.bytes
        case .remove: return []
        case .merge(let patch):
            let before = try parsed(stored)
            do throws(SessionDataFlaw) {
                return try before.merged(with: patch)
            } catch {
                throw .flaw(error)
            }
        }
    }

    /// What the engine returns was checked before it was written, but an engine may be changed by others.
    private func parsed(_ stored: StoredSessionData) throws(SessionDataFailure) -> SessionDataContent {
        do throws(SessionDataFlaw) {
            return try SessionDataContent(stored.content.isEmpty ? SessionDataContent.empty : stored.content)
        } catch {
            throw .damaged
        }
    }
}

extension SessionDataFailure {
    init(_ fault: SessionDataFault) {
        switch fault {
        case .ended(let denial): self = .ended(denial)
        case .conflict: self = .busy
        case .unavailable(let reason): self = .unavailable(reason)
        case .unconfirmed(let reason): self = .unconfirmed(reason)
        }
    }
}
