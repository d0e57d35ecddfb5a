import API
import Token

/// What came out for one token.
struct Verdict: Equatable {
    enum Outcome: String, Equatable {
        case valid
        /// Good, but not for as long as was asked for.
        case expiring
        /// Nothing can be said: keys or a server could not be had.
        case unknown
        case refused
    }

    /// Of a token that holds.
    struct Facts: Equatable {
        /// One JSON object, as it was signed.
        let payload: [UInt8]
        let claims: CheckedClaims
        let algorithm: String
        let kid: String?
        /// Seconds.
        let timeLeft: Int64
    }

    let outcome: Outcome
    /// Of the closed list that `/verify` answers with, or one of the commands' own; empty for a valid token.
    let code: String
    /// One sentence without a line break.
    let reason: String
    let facts: Facts?

    static func refused(_ code: String, _ reason: String) -> Verdict {
        Verdict(outcome: .refused, code: code, reason: reason, facts: nil)
    }

    static func refused(_ code: ProblemCode) -> Verdict { refused(code.rawValue, "\(code.title)") }

    static func unknown(_ code: String, _ reason: String) -> Verdict {
        Verdict(outcome: .unknown, code: code, reason: Printable.short(reason, count: 400), facts: nil)
    }

    /// - Parameter timeLeftMin: seconds that a token must go on for.
    static func good(_ facts: Facts, timeLeftMin: Int64) -> Verdict {
        guard facts.timeLeft < timeLeftMin else {
            return Verdict(outcome: .valid, code: "", reason: "The token is good.", facts: facts)
        }
        let reason =
            "The token expires in \(TimeText.span(facts.timeLeft)), and \(TimeText.span(timeLeftMin)) were asked for."
        return Verdict(outcome: .expiring, code: "token_expiring", reason: reason, facts: facts)
    }
}

extension Verdict.Outcome {
    var exitCode: Int32 {
        switch self {
        case .valid: 0
        case .refused: 1
        case .unknown: 3
        case .expiring: 4
        }
    }

    /// Of many tokens the worst decides: a refusal is certain, while what is unknown may yet be good.
    private var gravity: Int {
        switch self {
        case .valid: 0
        case .expiring: 1
        case .unknown: 2
        case .refused: 3
        }
    }

    static func worst(_ outcomes: [Verdict.Outcome]) -> Verdict.Outcome {
        outcomes.max { $0.gravity < $1.gravity } ?? .valid
    }
}

extension Verdict {
    /// No `default`: each new way to be refused gets a sentence.
    init(_ rejection: TokenRejection) {
        switch rejection {
        case .tooLong: self = .refused(.tokenTooLarge)
        case .malformed(let part): self = .refused(ProblemCode.tokenMalformed.rawValue, Self.sentence(part))
        case .criticalUnsupported:
            self = .refused(
                ProblemCode.tokenMalformed.rawValue, "The header has crit or b64, which ask for extensions.")
        case .algNotAllowed:
            self = .refused(ProblemCode.algNotAllowed.rawValue, "The token's alg is not that of the key.")
        case .kidMissing, .kidUnknown:
            self = .refused(ProblemCode.kidUnknown.rawValue, "None of the keys has the token's kid.")
        case .signatureInvalid: self = .refused(.signatureInvalid)
        case .typMismatch: self = .refused(ProblemCode.typMismatch.rawValue, "The token's typ is not what is expected.")
        case .issuerMismatch: self = .refused(.issuerMismatch)
        case .audienceMismatch: self = .refused(.audienceMismatch)
        case .claimMissing(let claim):
            self = .refused(ProblemCode.claimMissing.rawValue, "The token lacks the claim \(claim.rawValue).")
        case .claimInvalid(let claim):
            self = .refused(ProblemCode.claimInvalid.rawValue, "The claim \(claim.rawValue) has a wrong form.")
        case .notActive: self = .refused(.tokenNotActive)
        case .expired, .idle: self = .refused(.tokenExpired)
        }
    }

    init(_ fault: ExpectationFault) {
        switch fault {
        case .rejected(let rejection): self.init(rejection)
        case .issuedAhead: self = .refused("issued_ahead", "The token's iat lies in the future.")
        case .subjectMismatch: self = .refused("subject_mismatch", "The token has another subject.")
        case .scopeInsufficient: self = .refused(.scopeInsufficient)
        case .tooOld:
            self = .refused(ProblemCode.authTooOld.rawValue, "The token, or its login, is older than allowed.")
        case .claimMismatch(let name):
            self = .refused("claim_mismatch", "The claim \(Printable.short(name)) is not what is expected.")
        }
    }

    private static func sentence(_ part: TokenRejection.Part) -> String {
        switch part {
        case .separators: "A token has exactly three parts with two dots between them."
        case .header: "The token's header is not base64url of one strict JSON object with an alg."
        case .payload: "The token's payload is not base64url of one strict JSON object."
        case .signature: "The token's signature is not base64url."
        }
    }
}
