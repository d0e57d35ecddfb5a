/// Every error that this service can answer with: a closed list, which ends the problem types and is in `openapi.yaml`.
package enum ProblemCode: String, CaseIterable, Sendable {
    case requestMalformed = "request_malformed"
    case tokenInURL = "token_in_url"
    case scopeInvalid = "scope_invalid"
    case audienceInvalid = "audience_invalid"
    case grantUnsupported = "grant_unsupported"
    case grantNotAllowed = "grant_not_allowed"
    case userInvalid = "user_invalid"
    case refreshMismatch = "refresh_mismatch"
    case messageMalformed = "message_malformed"
    case cookieAmbiguous = "cookie_ambiguous"

    case tokenMissing = "token_missing"
    case tokenMalformed = "token_malformed"
    case tokenTooLarge = "token_too_large"
    case algNotAllowed = "alg_not_allowed"
    case kidUnknown = "kid_unknown"
    case signatureInvalid = "signature_invalid"
    case typMismatch = "typ_mismatch"
    case issuerMismatch = "issuer_mismatch"
    case audienceMismatch = "audience_mismatch"
    case claimMissing = "claim_missing"
    case claimInvalid = "claim_invalid"
    case claimMismatch = "claim_mismatch"
    case subjectMismatch = "subject_mismatch"
    case clientMismatch = "client_mismatch"
    case tokenExpired = "token_expired"
    case tokenNotActive = "token_not_active"
    case tokenRevoked = "token_revoked"
    case sessionRevoked = "session_revoked"
    case subjectRevoked = "subject_revoked"
    case clientRevoked = "client_revoked"
    case keyRevoked = "key_revoked"
    case authTooOld = "auth_too_old"
    case invalidCredentials = "invalid_credentials"
    case refreshInvalid = "refresh_invalid"
    case refreshExpired = "refresh_expired"
    case refreshIdle = "refresh_idle"
    case refreshReused = "refresh_reused"
    case sessionReplaced = "session_replaced"
    case clientInvalid = "client_invalid"

    case scopeInsufficient = "scope_insufficient"
    case roleInsufficient = "role_insufficient"
    case conditionInvalid = "condition_invalid"
    case passwordWrong = "password_wrong"
    case csrfFailed = "csrf_failed"
    case originNotAllowed = "origin_not_allowed"
    case clientNotAllowed = "client_not_allowed"
    case notFound = "not_found"
    case notEnabled = "not_enabled"
    case methodNotAllowed = "method_not_allowed"
    case requestTimeout = "request_timeout"
    case sequenceAhead = "sequence_ahead"
    case sequenceGone = "sequence_gone"
    case preconditionFailed = "precondition_failed"
    case bodyTooLarge = "body_too_large"
    case targetTooLong = "target_too_long"
    case unsupportedMediaType = "unsupported_media_type"
    case expectationFailed = "expectation_failed"
    case passwordUnfit = "password_unfit"
    case preconditionRequired = "precondition_required"
    case tooManyAttempts = "too_many_attempts"
    case dataBusy = "data_busy"
    case headTooLarge = "head_too_large"
    case notHere = "not_here"

    case internalFault = "internal"
    case methodUnknown = "method_unknown"
    case codingUnsupported = "coding_unsupported"
    case hashingSaturated = "hashing_saturated"
    case journalUnavailable = "journal_unavailable"
    case storeUnavailable = "store_unavailable"
    case signingUnavailable = "signing_unavailable"
    case sequenceNotReached = "sequence_not_reached"
    case sequenceUnknown = "sequence_unknown"
    case usersUnavailable = "users_unavailable"
    case sessionsNotEnded = "sessions_not_ended"
    case tooManyConnections = "too_many_connections"
    case stale = "stale"
    case versionUnsupported = "version_unsupported"

    package var status: UInt16 {
        switch self {
        case .requestMalformed, .tokenInURL, .scopeInvalid, .audienceInvalid, .grantUnsupported, .grantNotAllowed,
            .userInvalid, .refreshMismatch, .messageMalformed, .cookieAmbiguous:
            400
        case .tokenMissing, .tokenMalformed, .tokenTooLarge, .algNotAllowed, .kidUnknown, .signatureInvalid,
            .typMismatch,
            .issuerMismatch, .audienceMismatch, .claimMissing, .claimInvalid, .tokenExpired, .tokenNotActive,
            .tokenRevoked, .claimMismatch, .subjectMismatch, .clientMismatch,
            .sessionRevoked, .subjectRevoked, .clientRevoked, .keyRevoked, .authTooOld, .invalidCredentials,
            .refreshInvalid,
            .refreshExpired, .refreshIdle, .refreshReused, .sessionReplaced, .clientInvalid:
            401
        case .scopeInsufficient, .roleInsufficient, .conditionInvalid, .passwordWrong, .clientNotAllowed, .csrfFailed,
            .originNotAllowed:
            403
        case .notFound, .notEnabled: 404
        case .methodNotAllowed: 405
        case .requestTimeout: 408
        case .sequenceAhead: 409
        case .sequenceGone: 410
        case .preconditionFailed: 412
        case .bodyTooLarge: 413
        case .targetTooLong: 414
        case .unsupportedMediaType: 415
        case .expectationFailed: 417
        case .notHere: 421
        case .passwordUnfit: 422
        case .preconditionRequired: 428
        case .tooManyAttempts, .dataBusy: 429
        case .headTooLarge: 431
        case .internalFault: 500
        case .methodUnknown, .codingUnsupported: 501
        case .hashingSaturated, .journalUnavailable, .storeUnavailable, .signingUnavailable, .sequenceNotReached,
            .sequenceUnknown, .usersUnavailable, .sessionsNotEnded, .tooManyConnections, .stale:
            503
        case .versionUnsupported: 505
        }
    }

    /// One sentence, the same for every occurrence (RFC 9457 §3.1.4).
    package var title: StaticString {
        switch self {
        case .requestMalformed: "The request is malformed."
        case .tokenInURL: "A token must not be sent in a URL."
        case .scopeInvalid: "The requested scope is not granted."
        case .audienceInvalid: "The requested audience is not available."
        case .grantUnsupported: "The grant type is not supported."
        case .grantNotAllowed: "The client may not use this grant type."
        case .userInvalid: "The user is unknown or disabled."
        case .refreshMismatch: "The refresh token was just used with a different scope or audience."
        case .messageMalformed: "The HTTP/1.1 message is malformed."
        case .cookieAmbiguous: "A cookie was sent more than once."
        case .tokenMissing: "A bearer token is required."
        case .tokenMalformed: "The token is malformed."
        case .tokenTooLarge: "The token is too large."
        case .algNotAllowed: "The token's algorithm is not allowed for its key."
        case .kidUnknown: "The token's key ID is unknown."
        case .signatureInvalid: "The token signature is invalid."
        case .typMismatch: "The token type is not accepted here."
        case .issuerMismatch: "The token was issued by a different issuer."
        case .audienceMismatch: "The token is for a different audience."
        case .claimMissing: "The token lacks a required claim."
        case .claimInvalid: "A claim of the token has the wrong form."
        case .claimMismatch: "A claim of the token does not have the required value."
        case .subjectMismatch: "The token has a different subject."
        case .clientMismatch, .clientNotAllowed: "The token belongs to a different client."
        case .tokenExpired: "The token has expired."
        case .tokenNotActive: "The token is not active yet."
        case .tokenRevoked: "The token was revoked."
        case .sessionRevoked: "The session has ended."
        case .subjectRevoked: "The subject's sessions were revoked."
        case .clientRevoked: "The client's tokens were revoked."
        case .keyRevoked: "The token's key was revoked."
        case .authTooOld: "The login is older than allowed."
        case .invalidCredentials: "The username or the password is wrong."
        case .refreshInvalid: "The refresh token is not valid."
        case .refreshExpired: "The session has expired."
        case .refreshIdle: "The session was idle for too long."
        case .refreshReused: "The refresh token was already used, so its session has ended."
        case .sessionReplaced: "A new sign-in in the same browser has ended this session."
        case .clientInvalid: "The client is unknown or its secret is wrong."
        case .scopeInsufficient: "The token lacks a required scope."
        case .roleInsufficient: "The token lacks a required role."
        case .conditionInvalid: "A condition in the query is invalid."
        case .passwordWrong: "The current password is wrong."
        case .csrfFailed: "The request comes from another site."
        case .originNotAllowed: "The origin is not allowed."
        case .notFound: "Not found."
        case .notEnabled: "This service does not offer this."
        case .methodNotAllowed: "Method not allowed."
        case .requestTimeout: "The request did not arrive in time."
        case .sequenceAhead: "This server has not reached the position, so it is from another history."
        case .sequenceGone: "The records after this position are no longer in memory."
        case .preconditionFailed: "The data has changed."
        case .bodyTooLarge: "The content is too large."
        case .targetTooLong: "The request target is too long."
        case .unsupportedMediaType: "Unsupported media type."
        case .expectationFailed: "The expectation cannot be met."
        case .notHere: "This server follows another one, which must be asked for this."
        case .passwordUnfit: "The new password breaks a rule."
        case .preconditionRequired: "A replacement needs a condition."
        case .dataBusy: "Too many requests change this session's data at the same time."
        case .tooManyAttempts: "Too many failed attempts."
        case .headTooLarge: "The header section is too large."
        case .internalFault: "Internal error."
        case .methodUnknown: "Method not implemented."
        case .codingUnsupported: "Transfer coding not implemented."
        case .hashingSaturated: "Too many logins are waiting."
        case .journalUnavailable: "The journal cannot be written now."
        case .storeUnavailable: "The store cannot be asked now."
        case .signingUnavailable: "No key can sign these tokens now, so nothing was changed."
        case .sequenceNotReached: "This server has not reached the required position."
        case .sequenceUnknown: "The position is not in the history of this server."
        case .usersUnavailable: "The users cannot be stored now, so nothing was changed."
        case .sessionsNotEnded: "The password was changed, but the other sessions may continue after a restart."
        case .tooManyConnections: "Too many connections are open."
        case .stale: "What this server knows about revocations is too old."
        case .versionUnsupported: "HTTP version not supported."
        }
    }

    /// The `error` of OAuth answers: RFC 6749 §5.2, RFC 8707 §2; 503 borrows the name of RFC 6749 §4.1.2.1.
    package var oauthError: StaticString {
        switch self {
        case .scopeInvalid: "invalid_scope"
        case .audienceInvalid: "invalid_target"
        case .grantUnsupported: "unsupported_grant_type"
        case .clientInvalid: "invalid_client"
        case .grantNotAllowed, .clientNotAllowed: "unauthorized_client"
        case .userInvalid, .refreshInvalid, .refreshExpired, .refreshIdle, .refreshReused, .refreshMismatch,
            .sessionReplaced, .invalidCredentials,
            .tokenRevoked, .sessionRevoked, .subjectRevoked, .clientRevoked, .keyRevoked, .tokenMalformed,
            .tokenTooLarge,
            .algNotAllowed, .kidUnknown, .signatureInvalid, .typMismatch, .issuerMismatch, .audienceMismatch,
            .claimMissing,
            .claimInvalid, .tokenExpired, .tokenNotActive, .authTooOld, .claimMismatch, .subjectMismatch,
            .clientMismatch:
            "invalid_grant"
        case .tooManyAttempts, .hashingSaturated, .journalUnavailable, .storeUnavailable, .signingUnavailable,
            .sequenceNotReached, .sequenceUnknown,
            .usersUnavailable, .sessionsNotEnded, .tooManyConnections, .stale, .notHere:
            "temporarily_unavailable"
        case .internalFault: "server_error"
        default: "invalid_request"
        }
    }

    /// Whether the refused thing was a token that came with the request (RFC 6750 §3.1, `invalid_token`).
    var isAboutToken: Bool {
        switch self {
        case .tokenMalformed, .tokenTooLarge, .algNotAllowed, .kidUnknown, .signatureInvalid, .typMismatch,
            .issuerMismatch,
            .audienceMismatch, .claimMissing, .claimInvalid, .tokenExpired, .tokenNotActive, .tokenRevoked,
            .claimMismatch, .subjectMismatch, .clientMismatch, .sessionRevoked,
            .subjectRevoked, .clientRevoked, .keyRevoked, .authTooOld, .refreshInvalid, .refreshExpired, .refreshIdle,
            .refreshReused, .sessionReplaced:
            true
        default: false
        }
    }
}
