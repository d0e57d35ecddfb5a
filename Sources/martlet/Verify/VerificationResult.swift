import API
import JOSE
import Tokens

/// The result for one token.
struct VerificationResult: Equatable {
    enum Outcome: String, Equatable {
        case valid
        /// Valid, but not for as long as required.
        case expiring
        /// No result is possible: keys or a server were unavailable.
        case unknown
        case refused
    }

    /// The properties of a valid token.
    struct Facts: Equatable {
        /// The signed JSON object.
        let payload: [UInt8]
        let claims: CheckedClaims
        let algorithm: String
        let kid: String?
        /// Seconds.
        let timeLeft: Int64
    }

    let outcome: Outcome
    /// A code of the closed list of `/verify`, or one of the commands' own; empty for a valid token.
    let code: String
    /// One sentence without a line break.
    let reason: String
    let facts: Facts?

    static func refused(_ code: String, _ reason: String) -> VerificationResult {
        VerificationResult(outcome: .refused, code: code, reason: reason, facts: nil)
    }

    static func refused(_ code: ProblemCode) -> VerificationResult { refused(code.rawValue, "\(code.title)") }

    static func unknown(_ code: String, _ reason: String) -> VerificationResult {
        VerificationResult(outcome: .unknown, code: code, reason: Printable.short(reason, count: 400), facts: nil)
    }

    /// Returns the result for a valid token.
    ///
    /// - Parameter timeLeftMin: the minimum remaining lifetime in seconds.
    static func good(_ facts: Facts, timeLeftMin: Int64) -> VerificationResult {
        guard facts.timeLeft < timeLeftMin else {
            return VerificationResult(outcome: .valid, code: "", reason: "The token is valid.", facts: facts)
        }
        let reason =
            "The token expires in \(TimeText.span(facts.timeLeft)), and \(TimeText.span(timeLeftMin)) are required."
        return VerificationResult(outcome: .expiring, code: "token_expiring", reason: reason, facts: facts)
    }
}

extension VerificationResult.Outcome {
    var exitCode: Int32 {
        switch self {
        case .valid: 0
        case .refused: 1
        case .unknown: 3
        case .expiring: 4
        }
    }

    /// The rank for many tokens, where the worst result decides: a rejection is certain, while an unknown token may be
    /// valid.
    private var gravity: Int {
        switch self {
        case .valid: 0
        case .expiring: 1
        case .unknown: 2
        case .refused: 3
        }
    }

    static func worst(_ outcomes: [VerificationResult.Outcome]) -> VerificationResult.Outcome {
        outcomes.max { $0.gravity < $1.gravity } ?? .valid
    }
}

extension VerificationResult {
    /// Without `default`, every new rejection needs a sentence.
    init(_ rejection: TokenRejection) {
        switch rejection {
        case .tooLong(let byteCount):
            self = .refused(
                ProblemCode.tokenTooLarge.rawValue, "The token has \(byteCount) bytes, more than --max-bytes allows.")
        case .malformed(let part): self = .refused(ProblemCode.tokenMalformed.rawValue, Self.sentence(part))
        case .criticalUnsupported:
            self = .refused(
                ProblemCode.tokenMalformed.rawValue,
                "The header requires extensions (crit or b64), which are not supported.")
        case .algNotAllowed:
            self = .refused(ProblemCode.algNotAllowed.rawValue, "The token's alg is not allowed for the key.")
        case .kidMissing, .kidUnknown:
            self = .refused(ProblemCode.kidUnknown.rawValue, "No key has the token's kid.")
        case .signatureInvalid: self = .refused(.signatureInvalid)
        case .typMismatch: self = .refused(ProblemCode.typMismatch.rawValue, "The token's typ is not the expected one.")
        case .issuerMismatch: self = .refused(.issuerMismatch)
        case .audienceMismatch: self = .refused(.audienceMismatch)
        case .claimMissing(let claim):
            self = .refused(ProblemCode.claimMissing.rawValue, "The token lacks the claim \(claim.rawValue).")
        case .claimInvalid(let claim):
            self = .refused(ProblemCode.claimInvalid.rawValue, "The claim \(claim.rawValue) has the wrong form.")
        case .notActive: self = .refused(.tokenNotActive)
        case .expired, .idle: self = .refused(.tokenExpired)
        }
    }

    init(_ fault: ExpectationError) {
        switch fault {
        case .rejected(let rejection): self.init(rejection)
        case .issuedAhead: self = .refused("issued_ahead", "The token's iat is in the future.")
        case .subjectMismatch: self = .refused("subject_mismatch", "The token has a different subject.")
        case .scopeInsufficient: self = .refused(.scopeInsufficient)
        case .tooOld:
            self = .refused(ProblemCode.authTooOld.rawValue, "The token, or its login, is older than allowed.")
        case .claimMismatch(let name):
            self = .refused("claim_mismatch", "The claim \(Printable.short(name)) does not have the expected value.")
        }
    }

    /// Explains common mistakes when a token is pasted, where the reason is more specific than an invalid part.
    static func complaint(about token: [UInt8]) -> VerificationResult? {
        let reason: String
        let letters = token.prefix(7).map { 0x41...0x5A ~= $0 ? $0 | 0x20 : $0 }
        if letters.starts(with: "bearer ".utf8) || letters.starts(with: "bearer:".utf8) {
            reason = "The text begins with \"Bearer\". Pass only the token."
        } else if token.contains(where: { "\"'`<>{}".utf8.contains($0) }) {
            reason = "The text contains quotes or brackets. Pass only the token."
        } else if token.contains(where: { $0 == 0x20 || 0x09...0x0D ~= $0 }) {
            reason = "The text contains spaces or line breaks. A token is one word."
        } else if token.contains(UInt8(ascii: "=")) || token.contains(where: { "+/".utf8.contains($0) }) {
            reason =
                "The token contains + / or =, so it is base64. Tokens use base64url without padding (RFC 7515)."
        } else if let other = token.first(where: { !isTokenByte($0) }) {
            reason = "The text has the byte 0x\(String(other, radix: 16)), which no token contains."
        } else {
            return nil
        }
        return .refused(ProblemCode.tokenMalformed.rawValue, reason)
    }

    /// Returns whether the byte is a base64url character or a dot.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        0x30...0x39 ~= byte || 0x41...0x5A ~= byte || 0x61...0x7A ~= byte || "-_.".utf8.contains(byte)
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
