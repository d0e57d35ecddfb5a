import Journal
import Platform
import Revocation

/// A step that waits for the engine, and who waits for its outcome.
struct StoreTask: Sendable {
    enum Work: Sendable {
        /// - Parameter isRevocation: whether the records only remove access, so that they are kept if the engine is away.
        case append([JournalRecord], isRevocation: Bool)
        case advance(Advance)
        case readData(StoreStep)
        case writeData(StoreStep)
    }

    enum Answer: Sendable {
        case stamp(Ledger.Completion)
        case verdict(@Sendable (Result<AdvanceVerdict, RevocationError>) -> Void)
        case outcome(@Sendable (Result<StepOutcome, RevocationError>) -> Void)
        /// The one who waited has got an error.
        case none
    }

    let work: Work
    var answer: Answer
    /// When it was asked for, and when the caller gets an error, in milliseconds of the monotonic clock.
    let asked: Int64
    let deadline: Int64
    /// Whether an earlier attempt may have succeeded.
    var isRepeated = false

    init(_ work: Work, _ answer: Answer, asked: Int64, timeout: Int64) {
        self.work = work
        self.answer = answer
        self.asked = asked
        deadline = asked.saturatingAdd(timeout)
    }

    /// - Parameter renews: whether a rotation that an earlier attempt made gets the present time, so that the client can
    ///   still ask for its response.
    func step(renews: Bool) -> StoreStep {
        switch work {
        case .append(let records, _): .append(records)
        case .advance(let request): .advance(StoreAdvance(request, isRepeated: isRepeated && renews))
        case .readData(let step), .writeData(let step): step
        }
    }

    /// Whether what the engine has is what an earlier attempt of this step did, and its response may be given.
    ///
    /// - Parameter grace: how long a response can be asked for again, in milliseconds.
    func made(_ rotation: Rotation?, now: UnixMilliseconds, grace: Int64) -> Bool {
        guard isRepeated, case .advance(let request) = work, let rotation else { return false }
        return rotation.generation == request.generation &+ 1 && rotation.request == request.request
            && now.milliseconds(since: rotation.at) <= grace
    }

    /// The records of a revocation, which must not be lost; nil for any other step.
    var revocation: [JournalRecord]? {
        guard case .append(let records, isRevocation: true) = work else { return nil }
        return records
    }

    var isWaiting: Bool {
        if case .none = answer { return false }
        return true
    }

    /// Whether it is sent again although no caller waits any more: what is known of the session may depend on it.
    var matters: Bool {
        switch work {
        case .advance(let request): request.generation != .max
        case .append: revocation != nil
        case .readData, .writeData: false
        }
    }

    func fail(_ fault: RevocationError) {
        switch answer {
        case .stamp(let done): done(.failure(fault))
        case .verdict(let done): done(.failure(fault))
        case .outcome(let done): done(.failure(fault))
        case .none: break
        }
    }
}

extension StoreAdvance {
    init(_ request: Advance, isRepeated: Bool) {
        self.init(
            sid: request.sid, generation: request.generation, request: request.request, sessionEnd: request.sessionEnd,
            guardian: SessionGuard(
                birth: request.birthSeq, idHigh: request.idHigh, all: request.allKey, client: request.clientKey,
                subject: request.subjectKey),
            isRepeated: isRepeated)
    }
}
