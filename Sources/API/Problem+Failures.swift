import HTTP
import Revocation
package import Service
package import Token

extension Problem {
    /// No `default` here or below: a new failure does not compile until someone decides what its caller may learn.
    init(_ failure: VerifyFailure, scopes: [[UInt8]] = []) {
        switch failure {
        case .rejected(let rejection): self.init(ProblemCode(rejection), reason: "\(rejection)")
        case .revoked(let denial): self.init(ProblemCode(denial))
        case .accountEnded: self.init(.subjectRevoked)
        case .scopeInsufficient:
            let needed = scopes.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
            self.init(.scopeInsufficient, scope: needed)
        case .roleInsufficient: self.init(.roleInsufficient)
        case .authenticationTooOld: self.init(.authTooOld)
        }
    }

    init(_ failure: LoginFailure) {
        switch failure {
        case .credentialsInvalid: self.init(.invalidCredentials)
        case .tooManyAttempts(let seconds): self.init(.tooManyAttempts, retryAfter: seconds)
        case .hashingSaturated: self.init(.hashingSaturated, retryAfter: 1)
        case .scopeInvalid: self.init(.scopeInvalid)
        case .audienceInvalid: self.init(.audienceInvalid)
        case .internalFault(let reason): self.init(.internalFault, reason: reason)
        }
    }

    init(_ failure: RefreshFailure) {
        switch failure {
        case .rejected(.idle): self.init(.refreshIdle)
        case .rejected(.expired): self.init(.refreshExpired)
        case .rejected(let rejection): self.init(.refreshInvalid, reason: "\(rejection)")
        case .revoked(let denial): self.init(ProblemCode(denial))
        case .accountEnded: self.init(.subjectRevoked)
        case .clientUnauthenticated: self.init(.clientInvalid, "The token belongs to a client that must authenticate.")
        case .clientNotAllowed: self.init(.clientNotAllowed)
        case .scopeInvalid: self.init(.scopeInvalid)
        case .audienceInvalid: self.init(.audienceInvalid)
        case .reused: self.init(.refreshReused)
        case .mismatched: self.init(.refreshMismatch)
        case .ahead(let known): self.init(.refreshInvalid, reason: "token is ahead of the journal, which knows \(known)")
        case .unavailable(let reason): self.init(.journalUnavailable, reason: reason, retryAfter: 5)
        case .internalFault(let reason): self.init(.internalFault, reason: reason)
        }
    }

    init(_ failure: RevokeFailure) {
        switch failure {
        case .clientUnauthenticated: self.init(.clientInvalid, "The token belongs to a client that must authenticate.")
        case .clientNotAllowed: self.init(.clientNotAllowed)
        }
    }

    init(_ failure: LogoutFailure) {
        switch failure {
        case .access(let failure): self.init(failure)
        case .refresh(let failure): self.init(failure)
        case .sessionUnclear: self.init(.requestMalformed, "The tokens do not name one session.")
        }
    }
}

extension ProblemCode {
    init(_ denial: Denial) {
        switch denial {
        case .token: self = .tokenRevoked
        case .session: self = .sessionRevoked
        case .subject, .all: self = .subjectRevoked
        case .client: self = .clientRevoked
        case .key: self = .keyRevoked
        }
    }
}
