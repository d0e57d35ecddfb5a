package import Encoding
package import Platform

/// The rotation of a session, with what the ledger must check in the same step.
package struct Advance: Sendable {
    package let sid: UUID
    /// The generation that the session must be at; the next one is recorded.
    package private(set) var generation: UInt32
    /// The hash of the requested scope and audience.
    package let request: UInt32
    /// The absolute end of the session.
    package let sessionEnd: UnixMilliseconds
    let birth: Birth
    package let subject: [UInt8]
    package let client: [UInt8]

    package init(_ rotation: RotationRequest, birth: UInt64? = nil, subject: [UInt8], client: [UInt8]) {
        sid = rotation.sid
        generation = rotation.generation
        request = rotation.request
        sessionEnd = rotation.sessionEnd
        self.birth = Birth(id: rotation.sid.high, seq: birth)
        self.subject = subject
        self.client = client
    }

    /// Whether it only asks for the present generation.
    package var isQuestion: Bool { generation == .max }

    /// Asks for the present generation: no session ever reaches this generation.
    package var question: Advance {
        var question = self
        question.generation = .max
        return question
    }

    var event: RevocationEvent {
        .rotated(sid: sid, generation: generation &+ 1, request: request, sessionEnd: sessionEnd)
    }
}

/// The result of a conditional rotation.
package enum AdvanceVerdict: Equatable, Sendable {
    /// The next generation is durable.
    case advanced(LedgerPosition, at: UnixMilliseconds)
    /// The session is at another generation, and nothing was recorded: its last rotation, nil if it never rotated, and
    /// the time of the ledger.
    case stands(Rotation?, now: UnixMilliseconds)
    /// The session has ended.
    case rejected(Denial)
}
