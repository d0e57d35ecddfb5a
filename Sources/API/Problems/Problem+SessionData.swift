import Encoding
import Revocation
import Service

extension Problem {
    init(_ failure: SessionDataFailure) {
        switch failure {
        case .notEnabled: self.init(ProblemCode.notEnabled, "MARTLET_SESSION_DATA is off.")
        case .token(let failure): self.init(failure)
        case .noSession: self.init(ProblemCode.claimMissing, "The token belongs to no session.")
        case .ended(let denial): self.init(ProblemCode(denial))
        case .flaw(let flaw): self.init(flaw)
        case .preconditionRequired:
            self.init(
                ProblemCode.preconditionRequired,
                "Send If-Match with the ETag of a GET, or If-None-Match: * for a session without data.")
        case .preconditionFailed: self.init(ProblemCode.preconditionFailed, "Nothing was changed. Read the data again.")
        case .busy: self.init(ProblemCode.dataBusy, Self.dataUnchanged, retryAfter: 1)
        case .unavailable(let reason):
            self.init(ProblemCode.storeUnavailable, Self.dataUnchanged, reason: reason, retryAfter: 1)
        case .unconfirmed(let reason):
            self.init(
                ProblemCode.storeUnavailable, "It is not known whether the data was changed. Read it again.",
                reason: reason, retryAfter: 1)
        case .damaged:
            self.init(ProblemCode.internalFault, reason: "the stored data of a session is not what was written")
        }
    }

    private static let dataUnchanged = "Nothing was changed."

    private init(_ flaw: SessionDataFlaw) {
        switch flaw {
        case .tooLarge:
            self.init(
                ProblemCode.bodyTooLarge,
                "The data of a session has at most \(SessionDataContent.byteCountMax) bytes. Nothing was changed.")
        case .malformed(.tooDeep):
            self.init(
                ProblemCode.requestMalformed, "Values may be nested \(SessionDataContent.depthMax) levels deep.")
        case .malformed(let fault):
            self.init(ProblemCode.requestMalformed, "The content is not one JSON value: \(fault).")
        case .notObject: self.init(ProblemCode.requestMalformed, "The content must be a JSON object.")
        }
    }
}
