extension ProblemCode {
    /// What any path may answer: faults of the message, of the method, and ours.
    package static let everywhere: [ProblemCode] = [
        .messageMalformed, .tokenInURL, .methodNotAllowed, .requestTimeout, .bodyTooLarge, .targetTooLong,
        .expectationFailed,
        .headTooLarge, .notHere, .internalFault, .methodUnknown, .codingUnsupported, .tooManyConnections,
        .versionUnsupported,
    ]

    /// Why an access token is rejected.
    static let ofTokens: [ProblemCode] = [
        .tokenMissing, .tokenMalformed, .tokenTooLarge, .algNotAllowed, .kidUnknown, .signatureInvalid, .typMismatch,
        .issuerMismatch, .audienceMismatch, .claimMissing, .claimInvalid, .tokenExpired, .tokenNotActive, .tokenRevoked,
        .sessionRevoked, .subjectRevoked, .clientRevoked, .keyRevoked,
    ]

    /// Which conditions a valid access token does not meet. Its issuer, audience and missing claims are in ``ofTokens``.
    static let ofConditions: [ProblemCode] = [
        .scopeInsufficient, .roleInsufficient, .authTooOld, .subjectMismatch, .clientMismatch, .claimMismatch,
    ]

    /// Why a refresh token is rejected.
    static let ofRefresh: [ProblemCode] = [
        .refreshInvalid, .refreshExpired, .refreshIdle, .refreshReused, .sessionRevoked, .subjectRevoked,
        .clientRevoked,
        .keyRevoked,
    ]

    /// Why a request that uses cookies is rejected before they are read.
    static let ofCookies: [ProblemCode] = [.csrfFailed, .originNotAllowed, .cookieAmbiguous]
}
