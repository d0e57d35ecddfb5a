package import Encoding
package import Journal
package import Platform
package import Revocation

/// One step of an engine.
package enum StoreStep: Sendable {
    /// Records events next to each other, as records of the journal without number and time. Revocations and
    /// revoke-before times are a union: one that is recorded already may be recorded again.
    case append([JournalRecord])
    /// A conditional rotation.
    case advance(StoreAdvance)
    /// After a new epoch: records that a node has and the engine may lack, with the number and time that they had.
    /// Revocations are a union. Of two rotations of a session, the higher generation counts; the same generation with
    /// another time or request is a fork, which ends the session.
    case tell([JournalRecord])
    /// Reads the data of a session.
    case readData(sid: UUID)
    /// Writes the data of a session, if it is still at the expected revision.
    case writeData(SessionDataWrite)
}

/// A rotation with everything that the engine checks in the same step.
package struct StoreAdvance: Sendable {
    package let sid: UUID
    /// The generation that the session must be at.
    package let generation: UInt32
    package let request: UInt32
    package let sessionEnd: UnixMilliseconds
    /// The revoke-before times that can end the session.
    package let guardian: SessionGuard
    /// Whether an earlier attempt of this node may have succeeded, because its answer was lost. If the session is at the
    /// next generation with the same request, that one is given the present time.
    package let isRepeated: Bool

    package init(
        sid: UUID, generation: UInt32, request: UInt32, sessionEnd: UnixMilliseconds, guardian: SessionGuard,
        isRepeated: Bool
    ) {
        self.sid = sid
        self.generation = generation
        self.request = request
        self.sessionEnd = sessionEnd
        self.guardian = guardian
        self.isRepeated = isRepeated
    }
}

/// What an engine compares with the revoke-before times of a session.
package struct SessionGuard: Sendable {
    /// The number of the last record that the issuer knew at the login; nil for a session from before the engine.
    package let birth: UInt64?
    /// The high half of the session's id, compared where there is no birth.
    package let idHigh: UInt64
    /// The keys of `RevokeBeforeTable` for everything, the client and the subject.
    package let all: UUID
    package let client: UUID
    package let subject: UUID

    package init(birth: UInt64?, idHigh: UInt64, all: UUID, client: UUID, subject: UUID) {
        self.birth = birth
        self.idHigh = idHigh
        self.all = all
        self.client = client
        self.subject = subject
    }
}

/// A conditional write of the data of a session.
package struct SessionDataWrite: Sendable {
    package let sid: UUID
    /// The revision that the data must have; 0 for a session without data.
    package let expected: UInt64
    /// JSON; nil removes the data.
    package let content: [UInt8]?
    package let sessionEnd: UnixMilliseconds
    package let guardian: SessionGuard

    package init(
        sid: UUID, expected: UInt64, content: [UInt8]?, sessionEnd: UnixMilliseconds, guardian: SessionGuard
    ) {
        self.sid = sid
        self.expected = expected
        self.content = content
        self.sessionEnd = sessionEnd
        self.guardian = guardian
    }
}

/// What came of a step.
package enum StepOutcome: Equatable, Sendable {
    /// The position and time of the last record of the step, which is durable. For `tell`, how many forks ended a session.
    case recorded(LedgerStamp, forks: Int = 0)
    /// The next generation is durable.
    case advanced(LedgerStamp)
    /// The session is at another generation, and nothing was recorded.
    case stands(Rotation?, now: UnixMilliseconds)
    /// The session has ended.
    case rejected(Denial)
    /// Nil if the session has no data.
    case data(SessionData?)
    /// The data was written and has this revision; 0 if it was removed.
    case stored(revision: UInt64)
    /// The data has another revision, and nothing was written.
    case conflict(revision: UInt64)
    /// The step was done, but fewer machines than demanded have it; it counts as not acknowledged.
    case unconfirmed
    /// This step was not done.
    case failed(StoreFault)
}

/// The data of a session in an engine.
package struct SessionData: Equatable, Sendable {
    package let revision: UInt64
    package let content: [UInt8]

    package init(revision: UInt64, content: [UInt8]) {
        self.revision = revision
        self.content = content
    }
}
