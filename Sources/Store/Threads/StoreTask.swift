import Journal
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
    /// When the caller gets an error, in milliseconds of the monotonic clock.
    let deadline: Int64
    /// Whether an earlier attempt may have succeeded.
    var isRepeated = false

    init(_ work: Work, _ answer: Answer, deadline: Int64) {
        self.work = work
        self.answer = answer
        self.deadline = deadline
    }

    var step: StoreStep {
        switch work {
        case .append(let records, _): .append(records)
        case .advance(let request): .advance(StoreAdvance(request, isRepeated: isRepeated))
        case .readData(let step), .writeData(let step): step
        }
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
