import Dispatch
import Encoding
import Platform
import Revocation
import Synchronization

/// The data of sessions as an engine stores it: each call is one step, which looks at the revocations too.
final class MemorySessionData: SessionDataStore {
    private struct State {
        var stored: [UUID: StoredSessionData] = [:]
        /// What the next calls fail with; nil for one that does not.
        var faults: [SessionDataFault?] = []
        var reads = 0
        var writes = 0
        /// Called with each write before it is judged, as if others came between.
        var beforeWrite: (@Sendable () -> Void)?
        var afterRead: (@Sendable () -> Void)?
        var revocations: RevocationStore?
        var sessionEnd: UnixMilliseconds?
    }

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "engine")

    var revocations: RevocationStore? {
        get { state.withLock { $0.revocations } }
        set { state.withLock { $0.revocations = newValue } }
    }
    var reads: Int { state.withLock { $0.reads } }
    var writes: Int { state.withLock { $0.writes } }
    /// The end that came with the last write.
    var sessionEnd: UnixMilliseconds? { state.withLock { $0.sessionEnd } }

    func fail(_ faults: [SessionDataFault?]) { state.withLock { $0.faults = faults } }
    func beforeWrite(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.beforeWrite = body } }
    func afterRead(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.afterRead = body } }

    func stored(_ sid: String) -> StoredSessionData {
        state.withLock { state in UUID(sid).flatMap { state.stored[$0] } ?? StoredSessionData.none }
    }

    /// As another node, or somebody at the engine, writes it.
    func put(_ text: String, _ sid: String) {
        guard let id = UUID(sid) else { return }
        state.withLock { state in
            let revision = (state.stored[id]?.revision ?? 0) + 1
            state.stored[id] = StoredSessionData(revision: revision, content: Array(text.utf8))
        }
    }

    /// As a logout on another node, which this one gets to know at once.
    func revoke(_ sid: String) {
        guard let id = UUID(sid) else { return }
        revocations?.revokeSession(id, expiresAt: World.start.adding(seconds: 1_000_000)) { _ in }
    }

    func readData(
        of session: DataSession, _ done: @escaping @Sendable (Result<StoredSessionData, SessionDataFault>) -> Void
    ) {
        queue.async { [self] in
            let result: Result<StoredSessionData, SessionDataFault> = state.withLock { state in
                state.reads += 1
                if let fault = Self.fault(&state, session) { return .failure(fault) }
                return .success(state.stored[session.sid] ?? StoredSessionData.none)
            }
            state.withLock { $0.afterRead }?()
            done(result)
        }
    }

    func writeData(
        _ content: [UInt8], of session: DataSession, expecting expected: UInt64,
        _ done: @escaping @Sendable (Result<UInt64, SessionDataFault>) -> Void
    ) {
        queue.async { [self] in
            state.withLock { $0.beforeWrite }?()
            let result: Result<UInt64, SessionDataFault> = state.withLock { state in
                state.writes += 1
                state.sessionEnd = session.sessionEnd
                if let fault = Self.fault(&state, session) { return .failure(fault) }
                let revision = state.stored[session.sid]?.revision ?? 0
                guard revision == expected else { return .failure(.conflict) }
                state.stored[session.sid] = StoredSessionData(revision: revision + 1, content: content)
                return .success(revision + 1)
            }
            done(result)
        }
    }

    private static func fault(_ state: inout State, _ session: DataSession) -> SessionDataFault? {
        if !state.faults.isEmpty, let fault = state.faults.removeFirst() { return fault }
        let denial = state.revocations?.denial(
            sid: session.sid, issuedAt: 0, birth: session.birth, subject: Span(), client: Span(), kid: Span())
        return denial.map { .ended($0) }
    }
}
