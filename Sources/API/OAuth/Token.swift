import HTTP

extension Route {
    package static let token = Route(
        "/token", [.post], policies: [.oauthErrors, .grantStatuses], content: .form,
        codes: [
            .requestMalformed, .grantUnsupported, .grantNotAllowed, .userInvalid, .scopeInvalid, .audienceInvalid,
            .refreshMismatch, .unsupportedMediaType, .clientInvalid, .tooManyAttempts, .journalUnavailable,
            .storeUnavailable,
            .signingUnavailable,
        ] + ProblemCode.ofPositions + ProblemCode.ofRefresh,
        operations: [
            Operation(
                method: .post, id: "token", tag: "oauth",
                summary:
                    "The grants of RFC 6749, refresh (section 6) and client credentials (section 4.4), and the session grant.",
                description:
                    "refresh_token: like /refresh, with the statuses that OAuth libraries expect: an invalid refresh token gets 400 invalid_grant. client_credentials: an access token for the client itself, without a refresh token. urn:martlet:grant-type:session: a session for a user whom the client has authenticated itself; the answer is that of /login.",
                security: [.none, .client],
                body: Operation.Body(contents: [
                    .form(
                        .grant,
                        (
                            "refresh",
                            .map([
                                ("grant_type", .text("refresh_token")), ("refresh_token", .plain("$REFRESH_TOKEN")),
                            ])
                        ))
                ]),
                answers: [.granted])
        ]
    ) { application, request, response, exchange, call throws(Problem) in
        try application.token(request, &response, exchange, call)
    }
}

/// One grant type of the token endpoint, and what answers it.
struct Grant: Sendable {
    /// Answers a request whose content was read.
    typealias Handle =
        @Sendable (
            Application, borrowing Request, Parameters, inout Response, borrowing Exchange, Call
        ) throws(Problem) -> Disposition

    let type: GrantType
    let handle: Handle

    /// One grant for each type.
    static let table = [refreshToken, clientCredentials, session]

    /// RFC 6749 §6.
    static let refreshToken = Grant(type: .refreshToken) {
        application, request, parameters, _, exchange, call throws(Problem) in
        let presented = PresentedRefresh(token: try RequestTokens.requiredRefresh(parameters))
        return try application.rotate(request, parameters, presented, exchange, call)
    }
}

extension Application {
    /// `POST /token`: the grants of RFC 6749. Unknown parameters are ignored (§3.2).
    func token(
        _ request: borrowing Request, _ response: inout Response, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        let parameters = try Parameters(request, .form, &json)
        guard let type = try parameters.text("grant_type") else {
            throw Problem(.requestMalformed, "grant_type is missing.")
        }
        guard let grant = Grant.table.first(where: { $0.type.rawValue == type }) else {
            throw Problem(.grantUnsupported)
        }
        try check(try parameters.wantedPosition())
        return try grant.handle(self, request, parameters, &response, exchange, call)
    }
}

extension Problem {
    /// This problem, as the token endpoint reports it (RFC 6749 §5.2): a grant that is not valid is 400, and so is a grant
    /// of another client.
    var ofGrant: Problem {
        var problem = code == .clientNotAllowed ? Problem(.refreshInvalid) : self
        if problem.status == 401, problem.code != .clientInvalid { problem.statusOverride = 400 }
        return problem
    }
}
