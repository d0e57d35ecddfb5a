import Accounts
import HTTP
import JOSE
package import Revocation
import Service
import Tokens

extension Problem {
    /// No `default` here or below: a new failure does not compile until it has a code here.
    init(_ failure: VerifyFailure, _ expectations: VerifyExpectations = VerifyExpectations()) {
        switch failure {
        case .rejected(let rejection): self.init(ProblemCode(rejection))
        case .issuerMismatch(let named, let expected):
            let reason = named.map { "the token's issuer is \($0), and MARTLET_ISSUER is \(expected)" }
            self.init(ProblemCode.issuerMismatch, reason: reason)
        case .revoked(let denial): self.init(ProblemCode(denial))
        case .accountEnded: self.init(ProblemCode.subjectRevoked)
        case .stale: self.init(ProblemCode.stale, retryAfter: 1)
        case .scopeInsufficient:
            let needed = expectations.scopes.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
            self.init(ProblemCode.scopeInsufficient, scope: needed)
        case .roleInsufficient: self.init(ProblemCode.roleInsufficient)
        case .authenticationTooOld:
            self.init(ProblemCode.authTooOld)
            ageMax = expectations.ageMax
        case .subjectMismatch: self.init(ProblemCode.subjectMismatch)
        case .clientMismatch: self.init(ProblemCode.clientMismatch)
        case .claimMissing: self.init(ProblemCode.claimMissing)
        case .claimMismatch: self.init(ProblemCode.claimMismatch)
        }
    }

    init(_ failure: LoginFailure) {
        switch failure {
        case .credentialsInvalid: self.init(ProblemCode.invalidCredentials)
        case .tooManyAttempts(let seconds): self.init(ProblemCode.tooManyAttempts, retryAfter: seconds)
        case .hashingSaturated(let seconds): self.init(ProblemCode.hashingSaturated, retryAfter: seconds)
        case .unavailable: self.init(ProblemCode.journalUnavailable, Self.unchanged, retryAfter: 5)
        case .scopeInvalid: self.init(ProblemCode.scopeInvalid)
        case .audienceInvalid: self.init(ProblemCode.audienceInvalid)
        case .signingUnavailable(let reason):
            self.init(ProblemCode.signingUnavailable, reason: reason, retryAfter: 30)
        case .tooLargeForCookie(let claim):
            self.init(
                ProblemCode.internalFault, reason: "a token does not fit into its cookie; its largest claim is \(claim)"
            )
        case .internalFault(let reason): self.init(ProblemCode.internalFault, reason: reason)
        }
    }

    init(_ failure: PasswordFailure) {
        switch failure {
        case .session(.sessionUnclear), .passwordless:
            self.init(ProblemCode.requestMalformed, "The token has no session of a user with a password.")
        case .session(let failure): self.init(failure)
        case .accountEnded: self.init(ProblemCode.subjectRevoked)
        case .wrongPassword: self.init(ProblemCode.passwordWrong)
        case .unfit(let violations):
            self.init(ProblemCode.passwordUnfit)
            reasons = violations.map(\.rawValue)
        case .tooManyAttempts(let seconds): self.init(ProblemCode.tooManyAttempts, retryAfter: seconds)
        case .hashingSaturated(let seconds): self.init(ProblemCode.hashingSaturated, retryAfter: seconds)
        case .unavailable: self.init(ProblemCode.journalUnavailable, Self.unchanged, retryAfter: 5)
        case .notStored(let reason): self.init(ProblemCode.usersUnavailable, reason: reason, retryAfter: 5)
        case .sessionsNotEnded(let reason):
            self.init(
                ProblemCode.sessionsNotEnded, "End them with POST /logout and the scope others.", reason: reason,
                retryAfter: 5)
        case .internalFault(let reason): self.init(ProblemCode.internalFault, reason: reason)
        }
    }

    init(_ failure: ClientFailure) {
        switch failure {
        case .invalid: self.init(ProblemCode.clientInvalid, reason: "client authentication failed")
        case .tooManyAttempts(let seconds):
            self.init(
                ProblemCode.tooManyAttempts, reason: "too many failed client authentications", retryAfter: seconds)
        }
    }

    init(_ failure: ClientTokenFailure) {
        switch failure {
        case .clientEnded: self.init(ProblemCode.clientInvalid, reason: "the client was disabled or removed meanwhile")
        case .grantNotAllowed: self.init(ProblemCode.grantNotAllowed)
        case .scopeInvalid: self.init(ProblemCode.scopeInvalid)
        case .audienceInvalid: self.init(ProblemCode.audienceInvalid)
        case .signingUnavailable(let reason):
            self.init(ProblemCode.signingUnavailable, reason: reason, retryAfter: 30)
        case .internalFault(let reason): self.init(ProblemCode.internalFault, reason: reason)
        }
    }

    init(_ failure: TrustedLoginFailure) {
        switch failure {
        case .grantNotAllowed: self.init(ProblemCode.grantNotAllowed)
        case .userInvalid: self.init(ProblemCode.userInvalid)
        case .userIsLocal:
            self.init(ProblemCode.userInvalid, "sub is a user of this server, whom this client must name by username.")
        case .authTimeInvalid:
            self.init(
                ProblemCode.requestMalformed, "auth_time is in the future, or longer ago than a session may last.")
        case .login(let failure): self.init(failure)
        }
    }

    init(_ failure: RefreshFailure) {
        switch failure {
        case .rejected(.idle): self.init(ProblemCode.refreshIdle)
        case .rejected(.expired): self.init(ProblemCode.refreshExpired)
        case .rejected(let rejection): self.init(ProblemCode.refreshInvalid, reason: "\(rejection)")
        case .revoked(let denial): self.init(ProblemCode(denial))
        case .accountEnded: self.init(ProblemCode.subjectRevoked)
        case .replaced: self.init(ProblemCode.sessionReplaced)
        case .sessionMismatch:
            self.init(ProblemCode.refreshInvalid, reason: "the cookies belong to two sessions")
        case .tooLargeForCookie:
            self.init(ProblemCode.internalFault, reason: "a token of the successor would not fit into its cookie")
        case .notOwner(let failure): self.init(failure)
        case .scopeInvalid: self.init(ProblemCode.scopeInvalid)
        case .audienceInvalid: self.init(ProblemCode.audienceInvalid)
        case .reused: self.init(ProblemCode.refreshReused)
        case .mismatched: self.init(ProblemCode.refreshMismatch)
        case .ahead(let known):
            self.init(
                ProblemCode.refreshInvalid,
                reason: "the token is newer than the journal, whose last generation is \(known)")
        case .unavailable(let reason): self.init(ProblemCode.journalUnavailable, reason: reason, retryAfter: 5)
        case .signingUnavailable(let reason):
            self.init(ProblemCode.signingUnavailable, reason: reason, retryAfter: 30)
        case .internalFault(let reason): self.init(ProblemCode.internalFault, reason: reason)
        }
    }

    init(_ failure: RevokeFailure) {
        switch failure {
        case .notOwner(let failure): self.init(failure)
        case .notIssuedHere: self.init(ProblemCode.clientNotAllowed, Self.notIssuedHere)
        }
    }

    init(_ failure: OwnershipFailure) {
        switch failure {
        case .clientUnauthenticated:
            self.init(ProblemCode.clientInvalid, "The token belongs to a client that must authenticate.")
        case .clientNotAllowed: self.init(ProblemCode.clientNotAllowed)
        }
    }

    private static let unchanged = "Nothing was changed."

    private static let notIssuedHere =
        "This server did not issue the token, which is signed with a shared secret: it can revoke nothing."

    init(_ failure: LogoutFailure) {
        switch failure {
        case .access(let failure): self.init(failure)
        case .refresh(let failure): self.init(failure)
        case .sessionUnclear: self.init(ProblemCode.requestMalformed, "The tokens do not name one session.")
        case .notIssuedHere: self.init(ProblemCode.algNotAllowed, Self.notIssuedHere)
        case .ended(let denial): self.init(ProblemCode(denial))
        }
    }
}

extension Problem {
    init(_ failure: SessionListFailure) {
        switch failure {
        case .notEnabled: self.init(ProblemCode.notEnabled, "MARTLET_SESSIONS is off.")
        case .token(let failure): self.init(failure)
        case .unknownSession: self.init(ProblemCode.notFound, "The user has no such session.")
        }
    }
}

extension ProblemCode {
    package init(_ denial: Denial) {
        switch denial {
        case .token: self = .tokenRevoked
        case .session: self = .sessionRevoked
        case .subject, .all: self = .subjectRevoked
        case .client: self = .clientRevoked
        case .key: self = .keyRevoked
        }
    }
}

extension ProblemCode {
    init(_ rejection: TokenRejection) {
        switch rejection {
        case .tooLong: self = .tokenTooLarge
        case .malformed, .criticalUnsupported: self = .tokenMalformed
        case .algNotAllowed: self = .algNotAllowed
        case .kidMissing, .kidUnknown: self = .kidUnknown
        case .signatureInvalid: self = .signatureInvalid
        case .typMismatch: self = .typMismatch
        case .issuerMismatch: self = .issuerMismatch
        case .audienceMismatch: self = .audienceMismatch
        case .claimMissing: self = .claimMissing
        case .claimInvalid: self = .claimInvalid
        case .notActive: self = .tokenNotActive
        case .expired, .idle: self = .tokenExpired
        }
    }
}
