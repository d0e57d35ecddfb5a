import Encoding
package import Platform
package import Revocation
import Tokens

package enum SessionDataFailure: Error, Equatable, Sendable {
    case notEnabled
    case token(LogoutFailure)
    /// The token belongs to a client, not to a session.
    case noSession
    case ended(Denial)
    case flaw(SessionDataFlaw)
    /// A replacement needs a condition, so that it overwrites nothing unseen.
    case preconditionRequired
    case preconditionFailed
    /// Too many changes of this session's data at the same time; nothing was changed.
    case busy
    /// Nothing was changed.
    case unavailable(String)
    /// Whether it was changed is unknown.
    case unconfirmed(String)
    /// The engine returned something that was never written.
    case damaged
}

/// What a client wants to do with the data of its session.
package enum SessionDataChange: Sendable {
    case merge(SessionDataContent)
    case replace(SessionDataContent)
    case remove
}

/// The data of a session, for the client.
package struct SessionDataView: Sendable {
    /// A JSON object.
    package let content: [UInt8]
    /// A strong entity tag, with its quotes.
    package let tag: String
    /// Whether the client has it already.
    package var isUnmodified = false
}

/// Reads and changes the data of the session that an access token belongs to.
package struct UseSessionData {
    package typealias OnLoop = @Sendable (@escaping @Sendable () -> Void) -> Void
    package typealias Completion = @Sendable (Result<SessionDataView, SessionDataFailure>) -> Void

    private let context: LoopContext

    package init(_ context: LoopContext) {
        self.context = context
    }

    /// - Throws: ``SessionDataFailure/notEnabled`` unless sessions have data.
    package func checkEnabled() throws(SessionDataFailure) {
        guard context.authState.sessionData != nil else { throw .notEnabled }
    }

    /// The session of an access token, which only that token's holder may read and change.
    package func session(of token: Span<UInt8>, at now: UnixMilliseconds) throws(SessionDataFailure) -> LogoutSession {
        do throws(LogoutFailure) {
            return try EndSessions(context).session(ofAccess: token, at: now)
        } catch {
            throw error == .sessionUnclear ? .noSession : .token(error)
        }
    }

    /// Asks the engine for the data.
    ///
    /// - Parameters:
    ///   - onLoop: runs a closure on the thread of the event loop.
    ///   - then: called once, on the event loop, unless this throws.
    package func read(
        _ session: LogoutSession, _ condition: SessionDataCondition, onLoop: @escaping OnLoop,
        then: @escaping Completion
    ) throws(SessionDataFailure) {
        try run(session, condition, nil, onLoop, then).begin()
    }

    /// Changes the data, if the condition is met, in one step of the engine. Another change that comes between is read, and
    /// the change is tried again.
    ///
    /// - Parameters: as of ``read(_:_:onLoop:then:)``.
    package func change(
        _ session: LogoutSession, _ change: SessionDataChange, _ condition: SessionDataCondition,
        onLoop: @escaping OnLoop, then: @escaping Completion
    ) throws(SessionDataFailure) {
        if case .replace = change, !condition.protectsReplacement { throw .preconditionRequired }
        let lanes = context.authState.sessionDataLanes
        let run = try run(session, condition, change, onLoop) { result in
            lanes.leave(session.sid)
            then(result)
        }
        guard lanes.enter(session.sid, { run.begin() }) else { throw .busy }
    }

    private func run(
        _ session: LogoutSession, _ condition: SessionDataCondition, _ change: SessionDataChange?,
        _ onLoop: @escaping OnLoop, _ then: @escaping Completion
    ) throws(SessionDataFailure) -> SessionDataRun {
        let state = context.authState
        guard let store = state.sessionData else { throw .notEnabled }
        return SessionDataRun(
            state: state, store: store, session: session, condition: condition, change: change, onLoop: onLoop,
            then: then)
    }
}
