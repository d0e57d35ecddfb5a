package import Encoding
package import Platform

/// Stores a small JSON object for each session, so that every node reads what any node wrote. A ledger over an engine
/// implements this protocol; the journal of one machine does not.
///
/// The engine compares and sets: it looks at the revocations of the session in the same step. So a write that follows a
/// logout changes nothing, on whichever node the logout was.
///
/// Every completion runs once, on any thread, without a lock, and must return quickly. Content must never be logged.
package protocol SessionDataStore: AnyObject, Sendable {
    /// Asks the engine, not the memory of this node.
    ///
    /// - Parameter done: receives ``StoredSessionData/none`` for a session that has no data.
    func readData(
        of session: DataSession, _ done: @escaping @Sendable (Result<StoredSessionData, SessionDataFault>) -> Void)

    /// Replaces the data of a session if it has the revision `expected`.
    ///
    /// - Parameters:
    ///   - content: at most ``StoredSessionData/byteCountMax`` bytes. Empty content means no data; its revision counts on,
    ///     so that no revision ever names two contents.
    ///   - expected: 0 for a session that never had data.
    ///   - done: receives the new revision when it is durable, as durable as a rotation.
    func writeData(
        _ content: [UInt8], of session: DataSession, expecting expected: UInt64,
        _ done: @escaping @Sendable (Result<UInt64, SessionDataFault>) -> Void)
}

/// Why the data of a session was not read or written. Reasons never contain data.
package enum SessionDataFault: Error, Equatable, Sendable {
    /// The session has ended.
    case ended(Denial)
    /// The data has another revision, and nothing was written.
    case conflict
    /// The engine cannot be asked now, and nothing was written.
    case unavailable(reason: String)
    /// No confirmation came: whether it was written is unknown.
    case unconfirmed(reason: String)
}

/// The data of a session as an engine has it.
package struct StoredSessionData: Equatable, Sendable {
    package static let byteCountMax = 16_384
    /// A session that never had data.
    package static let none = StoredSessionData(revision: 0, content: [])

    package let revision: UInt64
    /// JSON; empty if the session has no data.
    package let content: [UInt8]

    package init(revision: UInt64, content: [UInt8]) {
        self.revision = revision
        self.content = content
    }
}

/// A session whose data is read or written, with what the engine compares with revoke-before times.
package struct DataSession: Sendable {
    package let sid: UUID
    /// No token of the session is valid after it.
    package let sessionEnd: UnixMilliseconds
    /// The number of the last record that the issuer knew at the login, if it can be compared.
    package let birth: UInt64?
    private let subject: [UInt8]
    private let client: [UInt8]

    /// - Parameter birth: nil, or a number that ``RevocationStore/comparable(_:)`` returned.
    package init(sid: UUID, sessionEnd: UnixMilliseconds, birth: UInt64?, subject: [UInt8], client: [UInt8]) {
        self.sid = sid
        self.sessionEnd = sessionEnd
        self.birth = birth
        self.subject = subject
        self.client = client
    }

    /// Compared where there is no birth.
    package var idHigh: UInt64 { sid.high }
    /// The keys of the revoke-before times that can end the session.
    package var allKey: UUID { RevokeBeforeTable.key(.all, Span()) }
    package var clientKey: UUID { RevokeBeforeTable.key(.client, client.span) }
    package var subjectKey: UUID { RevokeBeforeTable.key(.subject, subject.span) }
}
